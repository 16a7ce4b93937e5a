"""API tokens: whose they are, what they may, and that their secret is nowhere."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.gateway.auth.credentials import secret_hash
from services.gateway.auth.token_check import check_tokens
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH

pytestmark = pytest.mark.database
APPROVAL = {"digest": "sha256:" + "0" * 64, "acknowledge": []}
ORDER: dict[str, Any] = {"name": "nightly upload", "person": "demo-preparer", "roles": ["preparer"]}


def made(gateway: Gateway, **changed: Any) -> dict[str, Any]:
    answer = gateway.call("POST", "/tokens", "admin", json=ORDER | changed)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def by(
    gateway: Gateway, token: str, method: str = "GET", path: str = "/me", **more: Any
) -> httpx.Response:
    return gateway.call(
        method,
        path,
        None,
        headers={"Authorization": f"Bearer {token}", **more.pop("headers", {})},
        **more,
    )


def test_a_token_is_shown_once_and_stored_as_a_hash(gateway: Gateway) -> None:
    token = made(gateway)
    assert (token["status"], token["person"], token["roles"], token["created_by"]) == (
        "active",
        "demo-preparer",
        ["preparer"],
        "demo-admin",
    )
    assert token["token"].startswith("paydown_")
    assert len(token["token"]) >= 50
    listed = gateway.call("GET", "/tokens", "admin")
    assert ("token" in listed.json()["items"][0], token["token"] in listed.text) == (False, False)
    with gateway.engine.connect() as connection:
        stored = connection.execute(text("SELECT * FROM api_token")).mappings().one()
        everything = [
            str(row)
            for table in ("audit", "idempotency")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]
    assert bytes(stored["token_hash"]) == secret_hash(token["token"])
    assert not any(token["token"] in row for row in [str(dict(stored)), *everything])


def test_a_repeated_order_under_a_key_makes_one_token_and_shows_no_secret(gateway: Gateway) -> None:
    first, again = (
        gateway.call("POST", "/tokens", "admin", json=ORDER, headers={"Idempotency-Key": "t1"})
        for _ in range(2)
    )
    assert again.json() == first.json() | {"token": None}
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    with gateway.engine.connect() as connection:
        assert first.json()["token"].encode() not in bytes(
            connection.execute(text("SELECT body FROM idempotency")).scalar_one()
        )
        assert connection.execute(text("SELECT count(*) FROM api_token")).scalar_one() == 1


def test_a_call_by_token_counts_as_the_humans_and_the_log_names_the_token(gateway: Gateway) -> None:
    gateway.ingest.will_answer("POST", "/batches", {"batch_id": BATCH, "status": "receiving"}, 202)
    token = made(gateway)
    assert by(gateway, token["token"]).json() == {
        "id": "demo-preparer",
        "name": "Prea Preparer",
        "roles": ["preparer"],
        "auth_mode": "demo",
        "via": f"token {token['token_id']}",
        "read_only": False,
        "notice": "",
    }
    assert (
        by(
            gateway, token["token"], "POST", "/batches?filename=a.xml", content=b"<root/>"
        ).status_code
        == 202
    )
    assert (
        gateway.ingest.headers[0]["x-paydown-actor"],
        gateway.ingest.headers[0]["x-paydown-roles"],
    ) == ("demo-preparer", "preparer")
    line = gateway.call("GET", "/audit").json()["items"][0]
    assert (line["person"], line["via"], line["subject"]) == (
        "demo-preparer",
        f"token {token['token_id']}",
        BATCH,
    )
    assert gateway.call("GET", "/audit").json()["verified"]
    assert gateway.call("GET", "/tokens", "auditor").json()["items"][0]["last_used_at"]


def test_a_token_may_what_its_roles_may_and_no_more(gateway: Gateway) -> None:
    token = made(gateway)["token"]
    assert (
        by(gateway, token, "POST", f"/batches/{BATCH}/approve", json={"digest": "x"}).json()["code"]
        == "auth.forbidden"
    )
    assert by(gateway, token, "POST", "/tokens", json=ORDER).status_code == 403
    reading = made(gateway, person="demo-approver", roles=["approver"], read_only=True)["token"]
    assert by(gateway, reading, path="/batches").status_code == 200
    refused = by(gateway, reading, "POST", f"/batches/{BATCH}/approve", json={"digest": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.read-only")
    assert not gateway.ingest.calls[1:]
    assert gateway.audit_lines()[-1][0] == "refused"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"person": "mallory"}, "token.person"),
        ({"roles": ["operator"]}, "token.roles"),
        ({"roles": []}, "request.invalid"),
        ({"roles": ["king"]}, "request.invalid"),
        ({"person": "demo-approver", "roles": ["approver"]}, "token.roles"),
        ({"person": "demo-admin", "roles": ["admin"]}, "token.roles"),
        ({"days": 0}, "request.invalid"),
        ({"days": 4_000}, "request.invalid"),
        ({"name": ""}, "request.invalid"),
        ({"name": "a\x00"}, "request.invalid"),
    ],
)
def test_no_token_for_unknown_people_or_roles_the_person_lacks_or_acts_in_person(
    gateway: Gateway, changed: dict[str, Any], code: str
) -> None:
    answer = gateway.call("POST", "/tokens", "admin", json=ORDER | changed)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert gateway.call("GET", "/tokens", "admin").json()["total"] == 0


def test_a_revoked_token_is_dead_at_once_and_stays_in_the_list(gateway: Gateway) -> None:
    token = made(gateway)
    first, again = (
        gateway.call("DELETE", f"/tokens/{token['token_id']}", "admin") for _ in range(2)
    )
    assert (first.status_code, first.json()["status"], first.json()["revoked_by"]) == (
        200,
        "revoked",
        "demo-admin",
    )
    assert again.json() == first.json()
    assert by(gateway, token["token"]).status_code == 401
    assert gateway.call("GET", "/tokens", "admin").json()["items"][0]["status"] == "revoked"
    assert gateway.call("DELETE", f"/tokens/{BATCH}", "admin").status_code == 404
    assert gateway.call("DELETE", "/tokens/nonsense", "admin").status_code == 404


@pytest.mark.parametrize("change", ["expires_at = now() - interval '1 s'", "person = 'who-left'"])
def test_a_token_ends_with_its_time_or_its_person(gateway: Gateway, change: str) -> None:
    token = made(gateway)["token"]
    with gateway.engine.begin() as connection:
        connection.execute(text(f"UPDATE api_token SET {change}"))
    assert by(gateway, token).status_code == 401


def test_a_token_loses_what_its_person_loses(gateway: Gateway) -> None:
    token = made(gateway)["token"]
    with gateway.engine.begin() as connection:
        connection.execute(text("UPDATE api_token SET person = 'demo-auditor'"))
    assert by(gateway, token).status_code == 403  # none of its roles is left


def test_tokens_page(gateway: Gateway) -> None:
    for n in range(5):
        made(gateway, name=f"t{n}")
    first = gateway.call("GET", "/tokens?limit=3", "admin").json()
    second = gateway.call("GET", f"/tokens?limit=3&cursor={first['next']}", "admin").json()
    assert [item["name"] for item in first["items"] + second["items"]] == [
        "t4",
        "t3",
        "t2",
        "t1",
        "t0",
    ]
    assert (first["total"], second["next"]) == (5, None)


def test_an_administrator_sees_whom_a_token_can_be_made_for(gateway: Gateway) -> None:
    found = gateway.call("GET", "/people", "admin").json()
    assert (found["total"], found["items"][0]) == (
        5,
        {"id": "demo-preparer", "name": "Prea Preparer", "roles": ["preparer"]},
    )


def test_who_made_a_token_counts_as_its_person_and_the_token_as_its_maker(
    gateway: Gateway,
) -> None:
    gateway.ingest.will_answer("POST", "/batches", {"batch_id": BATCH, "status": "receiving"}, 202)
    token = made(gateway)
    made(gateway, person="demo-auditor", roles=["auditor"], read_only=True)
    assert by(gateway, token["token"], "POST", "/batches", content=b"<x/>").status_code == 202
    assert gateway.ingest.headers[-1]["x-paydown-counts-as"] == "demo-admin"
    with gateway.engine.begin() as connection:  # the administrator becomes an approver
        connection.execute(text("UPDATE api_token SET created_by = 'demo-approver'"))
    gateway.call("DELETE", f"/tokens/{token['token_id']}", "admin")
    cookie = gateway.sign_in("demo-approver")
    page = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
    gateway.call("POST", f"/batches/{BATCH}/approve", None, headers=page, json=APPROVAL)
    assert gateway.ingest.calls[-1][1].endswith("/approve")
    assert gateway.ingest.headers[-1]["x-paydown-counts-as"] == "demo-preparer"
    assert gateway.ingest.headers[-1]["x-paydown-actor"] == "demo-approver"


@pytest.mark.parametrize(
    ("made_days", "left_days", "named"), [(90, 29, True), (90, 31, False), (20, 10, False)]
)
def test_tokens_that_are_meant_to_last_and_end_soon_are_a_sentence(
    gateway: Gateway, made_days: int, left_days: int, named: bool
) -> None:
    made(gateway)
    with gateway.engine.begin() as connection:
        connection.execute(
            text(
                """
                UPDATE api_token
                SET expires_at = now() + make_interval(days => :left),
                    created_at = now() + make_interval(days => :left - :made)"""
            ),
            {"left": left_days, "made": made_days},
        )
    found = check_tokens(gateway.engine)["API tokens"]
    assert ("1 API tokens end within 30 days" in found) if named else found == ""
    assert ORDER["name"] not in found
    with gateway.engine.begin() as connection:
        connection.execute(text("UPDATE api_token SET revoked_at = now(), revoked_by = 'x'"))
    assert check_tokens(gateway.engine) == {"API tokens": ""}
