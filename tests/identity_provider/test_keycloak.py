"""The gateway's sign-in at Keycloak, which really runs: forms, redirects and back channel by HTTP.

Run by `make keycloak`, because Keycloak is a download of 180 MB.
"""

import hashlib
import hmac
import json
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.types import ASGIApp, Receive, Scope, Send

from devtools import keycloak
from devtools.stack.ports import free_ports
from libs.common.database import migrate
from libs.common.testing.http_server import served
from libs.common.testing.waiting import wait_for
from services.gateway import app
from services.gateway.tests.conftest import Gateway, build
from services.gateway.tests.fakes import BATCH, batch
from tests.identity_provider.administration import Administration
from tests.identity_provider.browser import Browser, has_field

pytestmark = pytest.mark.keycloak
REALM = Path(__file__).with_name("realm.json")
ROLES = {"payroll": "preparer", "finance": "approver"}
PASSWORD = "password-of-tests"
CODE_SECRET = b"secret-of-one-time-codes"
DIGEST = "sha256:" + "0" * 64
MUCH_CENTS = 2_000_000
RESUME = f"/batches/{BATCH}/resume"


@dataclass
class Site:
    """A gateway with an address of its own, and the Keycloak at which its people sign in."""

    address: str
    gateway: Gateway
    keycloak: Administration

    def call(self, browser: Browser, method: str, path: str, body: Any = None) -> httpx.Response:
        return browser.send(method, f"{self.address}/api/v1{path}", json=body)

    def start(self, browser: Browser, query: str = "") -> httpx.Response:
        """The page to which a browser that starts a sign-in is led."""
        return browser.open(f"{self.address}/api/v1/sign-in/start{query}")

    def sign_in(self, name: str) -> Browser:
        browser = Browser()
        page = browser.fill(self.start(browser), username=name, password=PASSWORD)
        assert self.call(browser, "GET", "/me").status_code == 200, page.text
        return browser

    def pass_time(self, seconds: int) -> None:
        """Let sign-ins, and what Keycloak has said of people, be so much older."""
        with self.gateway.engine.begin() as connection:
            connection.execute(
                text(
                    "UPDATE session SET confirmed_at = confirmed_at - make_interval(secs => :s),"
                    " authenticated_at = authenticated_at - make_interval(secs => :s)"
                ),
                {"s": seconds},
            )

    def approve(self, browser: Browser) -> httpx.Response:
        return self.call(browser, "POST", f"/batches/{BATCH}/approve", {"digest": DIGEST})

    def rebuild(self, url: str, issuer: str, **more: Any) -> None:
        """The gateway with other settings, on an emptied database."""
        self.gateway = build(
            url,
            auth_mode="oidc",
            oidc_issuer=issuer,
            oidc_client_id="paydown",
            oidc_client_secret="secret-of-tests",
            oidc_roles=json.dumps(ROLES),
            public_url=self.address,
            **more,
        )
        amount = {"total": MUCH_CENTS, "payable": MUCH_CENTS}
        shown = batch("ready", digest=DIGEST, amount_cents=amount)
        approved = {"batch_id": BATCH, "status": "approved"}
        self.gateway.ingest.will_answer("GET", f"/batches/{BATCH}", shown)
        self.gateway.ingest.will_answer("POST", f"/batches/{BATCH}/approve", approved)


@pytest.fixture(scope="module")
def url(make_database: Callable[[str], tuple[str, str]]) -> str:
    _, owner = make_database("gateway")
    migrate.upgrade(owner, app.MIGRATIONS)
    return owner


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site("", None, None)  # type: ignore[arg-type]  # filled in below

    async def current(scope: Scope, receive: Receive, send: Send) -> None:
        gateway: ASGIApp = site.gateway.app
        await gateway(scope, receive, send)

    log = tmp_path_factory.mktemp("keycloak") / "log"
    (port,) = free_ports(1)
    with served(current) as own_port:
        site.address = f"http://127.0.0.1:{own_port}"
        realm = REALM.read_text(encoding="utf-8").replace("{gateway}", site.address)
        with keycloak.running(realm, port, log) as address:
            site.keycloak = Administration(address)
            yield site


@pytest.fixture
def site(running: Site, url: str) -> Iterator[Site]:
    running.rebuild(url, f"{running.keycloak.address}/realms/paydown")
    yield running
    running.gateway.engine.dispose()


def one_time_code(step: int = 0) -> str:
    """The code of an authenticator app (RFC 6238)."""
    digest = hmac.digest(
        CODE_SECRET, struct.pack(">Q", int(time.time()) // 30 + step), hashlib.sha1
    )
    place = digest[-1] & 15
    number = struct.unpack(">I", digest[place : place + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def test_people_have_the_roles_of_their_groups_and_sign_out_at_both(site: Site) -> None:
    browser = site.sign_in("paula")
    me = site.call(browser, "GET", "/me").json()
    assert (me["name"], me["roles"]) == ("Paula Preparer", ["preparer"])
    anna = site.sign_in("anna")
    assert site.call(anna, "GET", "/me").json()["roles"] == ["approver"]
    assert site.start(browser).url.path == "/"  # signed in at Keycloak: no form
    out = site.call(browser, "DELETE", "/session")
    assert out.headers["clear-site-data"] == '"cache"'
    assert browser.open(out.json()["logout_url"]).url == f"{site.address}/"
    assert site.call(browser, "GET", "/me").status_code == 401
    assert has_field(site.start(browser), "password")


def test_a_wrong_password_signs_nobody_in(site: Site) -> None:
    browser = Browser()
    page = browser.fill(site.start(browser), username="anna", password="wrong")
    assert has_field(page, "password")
    assert site.call(browser, "GET", "/me").status_code == 401


def test_approving_much_asks_keycloak_for_a_new_sign_in(site: Site) -> None:
    browser = site.sign_in("anna")
    assert site.approve(browser).status_code == 200  # signed in just now
    site.pass_time(400)
    refused = site.approve(browser)
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.step-up")
    page = browser.open(f"{site.address}{refused.json()['sign_in_url']}&to=/batches/1?open=approve")
    assert has_field(page, "password")  # although Keycloak knows the browser
    browser.fill(page, password=PASSWORD)
    assert browser.visited[-1] == f"{site.address}/batches/1?open=approve"
    assert site.approve(browser).status_code == 200


def test_the_role_is_asked_for_with_a_refresh_token_that_is_replaced_each_time(site: Site) -> None:
    browser = site.sign_in("anna")
    for _ in range(3):
        site.pass_time(60)
        assert site.call(browser, "POST", RESUME, {}).status_code == 200


def test_a_lost_group_refuses_the_next_act(site: Site) -> None:
    browser = site.sign_in("anna")
    site.pass_time(60)
    site.keycloak.set_group("anna", "finance", member=False)
    try:
        refused = site.call(browser, "POST", RESUME, {})
        assert (refused.status_code, refused.json()["code"]) == (403, "auth.forbidden")
        assert site.gateway.dispatcher.calls == []
    finally:
        site.keycloak.set_group("anna", "finance", member=True)


def test_a_disabled_account_refuses_the_next_act_and_ends_the_session(site: Site) -> None:
    browser = site.sign_in("anna")
    site.pass_time(60)
    site.keycloak.enable("anna", enabled=False)
    try:
        refused = site.call(browser, "POST", RESUME, {})
        assert (refused.status_code, refused.json()["code"]) == (401, "auth.ended")
        assert site.gateway.dispatcher.calls == []
        assert site.call(browser, "GET", "/me").status_code == 401
    finally:
        site.keycloak.enable("anna", enabled=True)


def test_keycloak_ends_a_persons_sessions_by_the_back_channel(site: Site) -> None:
    anna, paula = site.sign_in("anna"), site.sign_in("paula")
    site.keycloak.sign_out("anna")
    assert wait_for(lambda: site.call(anna, "GET", "/me").status_code == 401, 10)
    assert site.call(paula, "GET", "/me").status_code == 200
    # One for each session that she has at Keycloak, also those of other tests.
    lines = [line for line in site.gateway.audit_lines() if "back-channel" in line[2]]
    assert {(kind, status) for kind, _, _, status in lines} == {("outcome", 200)}


def test_money_demands_a_second_factor_where_that_is_set(site: Site, url: str) -> None:
    issuer = f"{site.keycloak.address}/realms/paydown"
    site.keycloak.sign_in_by_levels()
    site.rebuild(url, issuer, oidc_acr="password one-time-code", step_up_acr="one-time-code")
    browser = site.sign_in("olga")  # by password alone
    refused = site.approve(browser)
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.step-up")
    page = browser.open(f"{site.address}{refused.json()['sign_in_url']}")
    page = browser.fill(page, password=PASSWORD)
    assert has_field(page, "otp")
    browser.fill(page, otp=one_time_code())
    assert site.approve(browser).status_code == 200
    with site.gateway.engine.connect() as connection:
        assert connection.execute(text("SELECT acr FROM session")).scalar() == "one-time-code"
