"""Acts about money demand a recent sign-in: which, how recent, how strong, and what tokens may."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.gateway.domain.step_up import (
    SignInProof,
    StepUpPolicy,
    amount_at_stake,
    is_recent,
    why_sign_in_anew,
)
from services.gateway.tests.conftest import Gateway, build
from services.gateway.tests.fakes import BATCH, PAYMENT, batch
from services.gateway.tests.identity_provider import (
    FakeIdentityProvider,
    oidc_settings,
    session_of,
)

DIGEST = "sha256:" + "0" * 64
POLICY = StepUpPolicy(over_cents=1_000_000, max_age_s=300)
ACTS: tuple[tuple[str, dict[str, Any]], ...] = (
    (f"/payments/{PAYMENT}/held", {"act": "close", "reason": "no money moved"}),
    (f"/payments/{PAYMENT}/duplicate", {"act": "ended", "reason": "cancelled there"}),
    ("/ops/kill-switch", {"on": False, "reason": "go on"}),
    ("/ops/restored/release", {"reason": "compared"}),
    ("/approval-rules/1/confirm", {}),
)


@pytest.mark.parametrize(
    ("age_s", "acr", "wanted", "expected"),
    [
        (0.0, "", (), True),
        (300.0, "", (), True),
        (300.1, "", (), False),
        (None, "", (), False),
        (0.0, "gold", ("gold", "silver"), True),
        (0.0, "bronze", ("gold", "silver"), False),
        (0.0, "", ("gold",), False),
        (None, "gold", ("gold",), False),
    ],
)
def test_a_sign_in_is_recent_and_strong_enough_or_not(
    age_s: float | None, acr: str, wanted: tuple[str, ...], expected: bool
) -> None:
    assert is_recent(SignInProof(age_s, acr), StepUpPolicy(0, 300, wanted)) is expected


@pytest.mark.parametrize(
    ("amount_cents", "max_age_s", "expected"),
    [(1_000_000, 300, False), (1_000_001, 300, True), (None, 300, True), (None, 0, False)],
)
def test_more_than_the_amount_is_covered(
    amount_cents: int | None, max_age_s: int, expected: bool
) -> None:
    assert StepUpPolicy(1_000_000, max_age_s).covers(amount_cents) is expected
    assert "$10,000.00" in why_sign_in_anew(POLICY)


def test_the_amount_is_that_of_what_was_seen() -> None:
    seen = {
        "status": "ready",
        "digest": DIGEST,
        "amount_cents": {"total": 900, "payable": 500},
    }
    assert amount_at_stake(seen, DIGEST, includes=False) == 500
    assert amount_at_stake(seen, DIGEST, includes=True) == 900
    assert amount_at_stake(seen, "other", includes=False) is None
    assert amount_at_stake({**seen, "status": "approved"}, DIGEST, includes=False) is None


@pytest.fixture
def provider() -> FakeIdentityProvider:
    return FakeIdentityProvider()


@pytest.fixture
def gateway(url: str, provider: FakeIdentityProvider) -> Iterator[Gateway]:
    made = build(url, provider.client, **oidc_settings("http://localhost:1"))
    made.reports.will_answer("GET", f"/payments/{PAYMENT}", {"payment_id": PAYMENT})
    yield made
    made.engine.dispose()


def sign_in(
    gateway: Gateway, provider: FakeIdentityProvider, seconds_ago: int | None, query: str = ""
) -> dict[str, str]:
    """An approver signs in, and has proved so many seconds ago who they are (None: unknown)."""
    provider.claims.pop("auth_time", None)
    known: dict[str, Any] = (
        {} if seconds_ago is None else {"auth_time": int(time.time()) - seconds_ago}
    )
    return session_of(provider.sign_in(gateway, query, groups=["finance"], **known))


def approve(gateway: Gateway, who: dict[str, str], cents: int, **order: Any) -> httpx.Response:
    shown = batch("ready", digest=DIGEST, amount_cents={"total": cents, "payable": cents})
    gateway.ingest.will_answer("GET", f"/batches/{BATCH}", shown)
    gateway.ingest.will_answer(
        "POST", f"/batches/{BATCH}/approve", {"batch_id": BATCH, "status": "approved"}
    )
    body = {"digest": DIGEST, **order}
    return gateway.call("POST", f"/batches/{BATCH}/approve", None, headers=who, json=body)


def approvals(gateway: Gateway) -> int:
    return gateway.ingest.calls.count(("POST", f"/batches/{BATCH}/approve"))


@pytest.mark.database
@pytest.mark.parametrize("seconds_ago", [400, None])
def test_approving_much_demands_a_recent_sign_in(
    gateway: Gateway, provider: FakeIdentityProvider, seconds_ago: int | None
) -> None:
    who = sign_in(gateway, provider, seconds_ago)
    assert approve(gateway, who, 1_000_000).status_code == 200
    refused = approve(gateway, who, 1_000_001)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:paydown:auth.step-up")
    assert refused.json()["sign_in_url"] == "/api/v1/sign-in/start?anew=true"
    assert approvals(gateway) == 1
    assert gateway.audit_lines()[-1] == (
        "outcome",
        "u-1",
        f"/api/v1/batches/{BATCH}/approve",
        403,
    )
    again = sign_in(gateway, provider, 0, "?anew=true")
    assert approve(gateway, again, 1_000_001).status_code == 200
    assert approvals(gateway) == 2


@pytest.mark.database
def test_rows_to_include_and_a_batch_that_was_not_seen_count_as_much(
    gateway: Gateway, provider: FakeIdentityProvider
) -> None:
    who = sign_in(gateway, provider, 400)
    shown = batch("ready", digest=DIGEST, amount_cents={"total": 2_000_000, "payable": 500})
    gateway.ingest.will_answer("GET", f"/batches/{BATCH}", shown)
    path = f"/batches/{BATCH}/approve"
    for order in (
        {"digest": DIGEST, "include": [{"row_id": PAYMENT, "reason": "agreed"}]},
        {"digest": "sha256:" + "1" * 64},
    ):
        answer = gateway.call("POST", path, None, headers=who, json=order)
        assert answer.json()["code"] == "auth.step-up"
    assert approvals(gateway) == 0


@pytest.mark.database
@pytest.mark.parametrize(("path", "body"), ACTS)
def test_acts_without_a_bound_demand_a_recent_sign_in(
    gateway: Gateway, provider: FakeIdentityProvider, path: str, body: dict[str, Any]
) -> None:
    who = sign_in(gateway, provider, 400)
    for fake in gateway.fakes.values():
        fake.will_answer("GET", "/restored", {"held": True})
        fake.will_answer("POST", "/restored/release", {"outcome": "proposed"})
    refused = gateway.call("POST", path, None, headers=who, json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.step-up")
    assert not [one for fake in gateway.fakes.values() for one in fake.calls if one[0] == "POST"]
    again = sign_in(gateway, provider, 0)
    assert gateway.call("POST", path, None, headers=again, json=body).status_code == 200


@pytest.mark.database
def test_stopping_demands_nothing(gateway: Gateway, provider: FakeIdentityProvider) -> None:
    who = sign_in(gateway, provider, 400)
    provider.away = True
    stop = {"on": True, "reason": "stop"}
    assert gateway.call("POST", "/ops/kill-switch", None, headers=who, json=stop).status_code == 200
    answer = gateway.call("POST", f"/batches/{BATCH}/pause", None, headers=who, json={})
    assert answer.status_code == 200


@pytest.mark.database
def test_the_same_key_is_answered_anew_after_the_sign_in(
    gateway: Gateway, provider: FakeIdentityProvider
) -> None:
    old = {**sign_in(gateway, provider, 400), "Idempotency-Key": "k"}
    assert approve(gateway, old, 2_000_000).status_code == 403
    new = {**sign_in(gateway, provider, 0), "Idempotency-Key": "k"}
    assert approve(gateway, new, 2_000_000).status_code == 200


@pytest.mark.database
def test_a_token_ends_no_kill_switch_and_decides_no_held_payment(
    gateway: Gateway, provider: FakeIdentityProvider
) -> None:
    sign_in(gateway, provider, 0)
    person = session_of(provider.sign_in(gateway, groups=["payroll"], sub="u-2"))
    admin = session_of(provider.sign_in(gateway, groups=["it"], sub="u-3"))
    order = {"name": "n", "person": "u-2", "roles": ["preparer"]}
    token = gateway.call("POST", "/tokens", None, headers=admin, json=order).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    path, body = ACTS[0]
    refused = gateway.call("POST", path, None, headers=bearer, json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.in-person")
    assert gateway.call("GET", "/me", None, headers=person).status_code == 200


@pytest.mark.database
def test_a_sign_in_anew_asks_the_provider_to_prove_it_and_for_the_strength(
    url: str, provider: FakeIdentityProvider
) -> None:
    made = build(
        url, provider.client, **oidc_settings("http://localhost:1", step_up_acr="gold silver")
    )
    now = int(time.time())
    answer = provider.sign_in(made, "?anew=true&to=/batches/1", auth_time=now, acr="silver")
    assert (answer.status_code, answer.headers["location"]) == (303, "/batches/1")
    asked = provider.address.params
    assert (asked["prompt"], asked["max_age"], asked["acr_values"]) == ("login", "0", "gold silver")
    for claims, why in (
        ({"auth_time": now, "acr": "bronze"}, "kind of sign-in"),
        ({"auth_time": now - 4_000, "acr": "gold"}, "just now"),
        ({"auth_time": None, "acr": "gold"}, "just now"),
    ):
        answer = provider.sign_in(made, "?anew=true", **claims)
        assert (answer.status_code, why in answer.text) == (403, True)
        assert "__Host-paydown=" not in str(answer.headers)
    usual = provider.sign_in(made, acr="bronze", auth_time=now)
    assert usual.status_code == 303
    assert not {"prompt", "max_age", "acr_values"} & set(provider.address.params)
    made.engine.dispose()


@pytest.mark.database
def test_a_sign_in_that_must_be_strong_is_refused_without(
    url: str, provider: FakeIdentityProvider
) -> None:
    made = build(url, provider.client, **oidc_settings("http://localhost:1", oidc_acr="mfa"))
    assert provider.sign_in(made).status_code == 403
    assert provider.address.params["acr_values"] == "mfa"
    assert provider.sign_in(made, acr="mfa").status_code == 303
    made.engine.dispose()


@pytest.mark.database
@pytest.mark.parametrize("auth_time", ["now", True, -1, 4e9])
def test_an_auth_time_that_cannot_be_signs_nobody_in(
    gateway: Gateway, provider: FakeIdentityProvider, auth_time: object
) -> None:
    assert provider.sign_in(gateway, auth_time=auth_time).status_code == 403


@pytest.mark.database
def test_a_sign_in_anew_leads_to_no_other_site(
    gateway: Gateway, provider: FakeIdentityProvider
) -> None:
    for to in ("https://evil.example/", "//evil.example", "/%5Cevil.example"):
        answer = provider.sign_in(gateway, f"?anew=true&to={to}", auth_time=int(time.time()))
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
