"""Sign-in through an identity provider that really runs, on loopback."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import oidc_provider_mock
import pytest
from sqlalchemy import text

from services.gateway.auth import oidc
from services.gateway.tests.conftest import Gateway, build
from services.gateway.tests.fakes import BATCH
from services.gateway.tests.identity_provider import PUBLIC, oidc_settings

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider with three people; http is fine, nobody but this machine hears it."""
    patch = pytest.MonkeyPatch()
    patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    people = [
        oidc_provider_mock.User(
            sub="u-1", claims={"name": "Paula P", "groups": ["payroll", "choir"]}
        ),
        oidc_provider_mock.User(
            sub="u-2", claims={"name": "Bo Th", "groups": ["payroll", "finance"]}
        ),
        oidc_provider_mock.User(sub="u-3", claims={"name": "Nobody", "groups": ["choir"]}),
        oidc_provider_mock.User(
            sub="u-9", claims={"name": "All", "groups": ["payroll", "finance", "it"]}
        ),
    ]
    with oidc_provider_mock.run_server_in_thread(require_nonce=True, user_claims=people) as server:
        yield f"http://localhost:{server.server_port}"
    patch.undo()


@pytest.fixture
def gateway(url: str, issuer: str) -> Iterator[Gateway]:
    made = build(url, **oidc_settings(issuer))
    yield made
    made.engine.dispose()


def start(gateway: Gateway, to: str = "/") -> tuple[str, str]:
    """The provider's address a browser is sent to, and the cookie it gets."""
    answer = gateway.call("GET", f"/sign-in/start?to={to}", None)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"], answer.headers["set-cookie"].partition(";")[0]


def consent(address: str, person: str) -> dict[str, str]:
    """What the provider sends back when a person says yes: code and state."""
    answer = httpx.post(address, data={"sub": person})
    assert answer.status_code == 302, answer.text
    assert answer.headers["location"].startswith(f"{PUBLIC}{oidc.CALLBACK_PATH}?")
    return {
        name: values[0]
        for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()
    }


def come_back(gateway: Gateway, cookie: str, **query: str) -> httpx.Response:
    async def work(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get(oidc.CALLBACK_PATH, params=query, headers={"Cookie": cookie})

    found: httpx.Response = gateway.run(work)
    return found


def signed_in(gateway: Gateway, person: str, to: str = "/") -> httpx.Response:
    address, cookie = start(gateway, to)
    return come_back(gateway, cookie, **consent(address, person))


def session(answer: httpx.Response) -> dict[str, str]:
    cookies = [value.partition(";")[0] for value in answer.headers.get_list("set-cookie")]
    return {"Cookie": next(one for one in cookies if one.startswith("__Host-paydown=")), **OURS}


@pytest.mark.database
def test_a_person_of_the_provider_signs_in_works_and_signs_out(
    gateway: Gateway, issuer: str
) -> None:
    assert gateway.call("GET", "/sign-in", None).json() == {
        "mode": "oidc",
        "people": [],
        "default": None,
        "login_url": "/api/v1/sign-in/start",
    }
    answer = signed_in(gateway, "u-2", "/batches/B-1%3Fx=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/batches/B-1?x=1")
    who = session(answer)
    assert gateway.call("GET", "/me", None, headers=who).json() == {
        "id": "u-2",
        "name": "Bo Th",
        "roles": ["approver", "preparer"],
        "auth_mode": "oidc",
        "via": "session",
        "read_only": False,
        "notice": "",
    }
    gateway.call("POST", f"/batches/{BATCH}/pause", None, headers=who, json={})
    assert (
        gateway.dispatcher.headers[0]["x-paydown-actor"],
        gateway.dispatcher.headers[0]["x-paydown-roles"],
    ) == ("u-2", "approver,preparer")
    gone = gateway.call("DELETE", "/session", None, headers={**who, "Idempotency-Key": "out"})
    assert gone.headers["clear-site-data"] == '"cache"'
    out = gone.json()
    address = httpx.URL(out["logout_url"])
    assert str(address).startswith(f"{issuer}/oauth2/end_session?")
    assert (address.params["client_id"], address.params["post_logout_redirect_uri"]) == (
        "paydown",
        f"{PUBLIC}/",
    )
    assert address.params["id_token_hint"].count(".") == 2
    assert httpx.get(address).status_code == 200
    assert gateway.call("GET", "/me", None, headers=who).status_code == 401
    assert gateway.audit_lines()[0] == ("outcome", "u-2", oidc.CALLBACK_PATH, 303)
    with gateway.engine.connect() as connection:
        stored = connection.execute(text("SELECT body FROM idempotency")).scalar_one()
    assert address.params["id_token_hint"].encode() not in bytes(stored)


@pytest.mark.database
def test_the_providers_tokens_are_readable_in_no_table_and_no_answer(gateway: Gateway) -> None:
    answer = signed_in(gateway, "u-1")
    assert "eyJ" not in str(answer.headers) + answer.text
    with gateway.engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM session")).mappings().one()
    assert b"eyJ" not in bytes(row["sealed_id_token"])
    assert len(bytes(row["sealed_id_token"])) > 100


@pytest.mark.database
def test_who_has_no_role_gets_no_session_and_loses_the_rights_of_before(
    gateway: Gateway, issuer: str
) -> None:
    answer = signed_in(gateway, "u-3")
    assert (
        answer.status_code,
        "no role" in answer.text,
        "__Host-paydown=" in str(answer.headers),
    ) == (403, True, False)
    assert gateway.audit_lines()[-1] == ("refused", "", oidc.CALLBACK_PATH, 403)
    httpx.put(f"{issuer}/users/u-4", json={"name": "Lea Ving", "groups": ["payroll"]})
    who = session(signed_in(gateway, "u-4"))
    assert gateway.call("GET", "/me", None, headers=who).status_code == 200
    httpx.put(f"{issuer}/users/u-4", json={"name": "Lea Ving", "groups": []})
    signed_in(gateway, "u-4")
    assert gateway.call("GET", "/me", None, headers=who).status_code == 403


@pytest.mark.database
def test_tokens_are_made_for_people_who_have_signed_in(gateway: Gateway, issuer: str) -> None:
    httpx.put(f"{issuer}/users/u-5", json={"name": "Ada A", "groups": ["it"]})
    admin = session(signed_in(gateway, "u-5"))
    order = {"name": "nightly", "person": "u-1", "roles": ["preparer"]}
    assert (
        gateway.call("POST", "/tokens", None, headers=admin, json=order).json()["code"]
        == "token.person"
    )
    signed_in(gateway, "u-1")
    assert [
        one["id"] for one in gateway.call("GET", "/people", None, headers=admin).json()["items"]
    ] == ["u-5", "u-1"]
    token = gateway.call("POST", "/tokens", None, headers=admin, json=order).json()["token"]
    assert (
        gateway.call("GET", "/me", None, headers={"Authorization": f"Bearer {token}"}).json()["id"]
        == "u-1"
    )
    for guess in ("demo-admin", "demo-preparer"):
        assert (
            gateway.call(
                "GET", "/me", None, headers={"Authorization": f"Bearer {guess}"}
            ).status_code
            == 401
        )
    assert (
        gateway.call("POST", "/session", None, json={"person": "demo-admin"}).json()["code"]
        == "auth.mode"
    )


@pytest.mark.database
def test_a_code_counts_only_in_the_browser_that_began(gateway: Gateway) -> None:
    address, cookie = start(gateway)
    other_address, other_cookie = start(gateway)
    back = consent(address, "u-1")
    for cookies, query in (
        ("", back),
        (other_cookie, back),
        (cookie, {**back, "state": "x"}),
        ("__Host-paydown-sign-in=nonsense", back),
        (cookie, {}),
    ):
        answer = come_back(gateway, cookies, **query)
        assert (answer.status_code, "set-cookie" in answer.headers) == (400, False)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert come_back(gateway, cookie, **back).status_code == 303
    again = come_back(gateway, cookie, **back)  # a code is good once
    assert (again.status_code, "__Host-paydown=" in str(again.headers)) == (403, False)
    assert (
        come_back(
            gateway,
            other_cookie,
            code="",
            state=httpx.URL(other_address).params["state"],
            error="access_denied",
        ).status_code
        == 403
    )


@pytest.mark.database
def test_a_browser_is_sent_only_to_paths_of_this_site(gateway: Gateway) -> None:
    for to in (
        "https://evil.example/",
        "//evil.example",
        "/%5Cevil.example",
        "evil",
        "/a%0d%0aX: 1",
    ):
        assert signed_in(gateway, "u-1", to).headers["location"] == "/"


@pytest.mark.database
def test_a_provider_that_is_away_is_a_page_that_says_so(url: str) -> None:
    made = build(url, **oidc_settings("http://localhost:9"))
    answer = made.call("GET", "/sign-in/start", None)
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    made.engine.dispose()


@pytest.mark.database
def test_an_administrator_loses_the_roles_of_the_money_and_is_told_so(gateway: Gateway) -> None:
    who = session(signed_in(gateway, "u-9"))
    me = gateway.call("GET", "/me", None, headers=who).json()
    assert me["roles"] == ["admin"]
    assert "an administrator may hold neither preparer nor approver" in me["notice"]
    answer = gateway.call("POST", f"/batches/{BATCH}/pause", None, headers=who, json={})
    assert answer.status_code == 403
    assert "Your groups give you approver and admin" in answer.json()["detail"]
    assert gateway.dispatcher.calls == []
    order = {"name": "x", "person": "u-9", "roles": ["preparer"]}
    answer = gateway.call("POST", "/tokens", None, headers=who, json=order)
    assert (answer.status_code, answer.json()["code"]) == (422, "token.roles")


@pytest.mark.database
@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_a_path_in_the_cookie_leads_to_no_other_site(gateway: Gateway, path: str) -> None:
    address, cookie = start(gateway)
    name, _, attempt = cookie.partition("=")
    forged = ".".join([*attempt.split(".")[:3], path.encode().hex()])
    answer = come_back(gateway, f"{name}={forged}", **consent(address, "u-1"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
