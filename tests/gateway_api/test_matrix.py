"""Every route for every role, for the uploader of the batch and for another person."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from devtools import sample_roster
from services.gateway.domain import access
from services.gateway.tests.route_samples import FILE_NAMES
from services.ingest.tests.harness import consistent
from tests.gateway_api.harness import OIDC, GatewayHarness, build

pytestmark = pytest.mark.database
# For a batch that exists it has no end, so it is called for none here;
# services/gateway/tests/test_event_stream.py reads it.
LIVE = "/batches/{batch_id}/live"
REASON = {"reason": "so it is"}
BODIES: dict[str, Callable[[Any], Any]] = {
    "/batches/{batch_id}/approve": lambda b: {
        "digest": b["digest"],
        "acknowledge": b["to_acknowledge"],
    },
    "/batches/{batch_id}/approval-requests": lambda b: {"digest": b["digest"]},
    "/batches/{batch_id}/approval-requests/{request_id}/send-back": lambda _: REASON,
    "/batches/{batch_id}/discard": lambda _: REASON,
    "/batches/{batch_id}/corrections": lambda b: {
        "corrections": b["corrections_offered"]
        or [{"source_account_id": "x", "field": "state", "from": "IA", "to": "KS"}]
    },
    "/batches/{batch_id}/period": lambda b: {"period": b["period"]},
    "/batches/{batch_id}/decisions": lambda _: {
        "decisions": [{"act": "exclude", "employee_id": "nobody", **REASON}]
    },
    # Tried out only: rules that hold would ask for a second approver of all batches here.
    "/approval-rules": lambda _: {
        "base": 0,
        "rules": [{"scope": "total", "from_cents": 1}],
        "dry_run": True,
        **REASON,
    },
    "/approval-rules/{rules_version}/reject": lambda _: REASON,
    "/holds": lambda _: {"kind": "person", "id": f"{uuid4()}", **REASON},
    "/holds/{hold_id}/lift": lambda _: REASON,
    "/batches/{batch_id}/retry-refused": lambda _: REASON,
    "/batches/{batch_id}/child-batches": lambda _: {"filter": {"status": "failed"}, **REASON},
    "/batches/{batch_id}/pause": lambda _: REASON,
    "/batches/{batch_id}/resume": lambda _: REASON,
    "/batches/{batch_id}/cancel": lambda _: REASON,
    "/reconciliation/runs": lambda _: {},
    "/reconciliation/breaks/{break_id}/acknowledge": lambda _: {
        "act": "explained",
        "evidence": "sha256:0",
        **REASON,
    },
    "/payments/{payment_id}/held": lambda _: {"act": "look-up", **REASON},
    "/ops/kill-switch": lambda _: {"on": False, **REASON},
    "/ops/restored/release": lambda _: REASON,
    "/tokens": lambda _: {
        "name": "n",
        "person": "admin-other",
        "roles": ["admin"],
        "read_only": True,
    },
}


@pytest.fixture(scope="module")
def gateway(make_database: Any, tmp_path_factory: pytest.TempPathFactory) -> GatewayHarness:
    return build(make_database, tmp_path_factory.mktemp("files"), **OIDC)


@pytest.fixture(scope="module")
def people(gateway: GatewayHarness) -> dict[tuple[str, str], dict[str, str]]:
    """A person of each role who has uploaded, and another."""
    return {
        (role, owner): gateway.session(f"{role}-{owner}", role)
        for role in access.ROLES
        for owner in ("uploader", "other")
    }


@pytest.fixture(scope="module")
def known(gateway: GatewayHarness) -> dict[str, Any]:
    """A batch of each uploader, for what changes nothing."""
    return {role: gateway.batch(f"{role}-uploader") for role in access.ROLES}


@pytest.mark.parametrize("owner", ["uploader", "other"])
@pytest.mark.parametrize(("method", "template"), list(access.ROUTE_ROLES))
def test_every_route_for_every_role_and_owner(
    gateway: GatewayHarness,
    people: dict[tuple[str, str], dict[str, str]],
    known: dict[str, Any],
    method: str,
    template: str,
    owner: str,
) -> None:
    for role in access.ROLES:
        allowed = role in access.ROUTE_ROLES[method, template]
        acts = allowed and method == "POST" and "{batch_id}" in template
        batch = gateway.batch(f"{role}-uploader") if acts else known[role]
        names = {
            "batch_id": uuid4() if template == LIVE else batch["batch_id"],
            "payment_id": uuid4(),
            "break_id": uuid4(),
            "decision_id": uuid4(),
            "hold_id": uuid4(),
            "request_id": uuid4(),
            "rules_version": 1,
            "token_id": uuid4(),
            "session_id": "0" * 32,
            "dead_letter_id": "ledger:1",
            "report_id": uuid4(),
            "export_id": uuid4(),
            "evidence_id": uuid4(),
            "channel_id": uuid4(),
            "delivery_id": uuid4(),
            "name": FILE_NAMES.get(template, "sources.csv"),
            "person_id": "nobody",
            "loan_id": "00",
        }
        more: dict[str, Any] = {"json": BODIES[template](batch)} if template in BODIES else {}
        if (method, template) == ("POST", "/batches"):
            more = {
                "content": consistent(sample_roster.make(5, 90_000 + len(role) * 7 + len(owner)))
            }
        who = (
            gateway.session(f"{role}-{owner}", role)
            if (method, template) == ("DELETE", "/session")
            else people[role, owner]
        )
        answer = gateway.ask(method, template.format(**names), who, **more)
        what = f"{role} who is {owner}: {answer.status_code} {answer.text[:300]}"
        if not allowed or (template.endswith("/approve") and owner == "uploader"):
            assert (answer.status_code, answer.json()["status"]) == (403, 403), what
            # the uploader is refused by ingest, not in the gateway
            assert (answer.json()["code"] == "auth.forbidden") == (not allowed), what
        else:
            assert answer.status_code < 500, what
            assert answer.status_code not in (401, 403), what


def test_a_token_is_its_human_who_cannot_approve_what_it_uploaded(gateway: GatewayHarness) -> None:
    both, other, admin = (
        gateway.session("bo", "preparer", "approver"),
        gateway.session("ann", "approver"),
        gateway.session("ada", "admin"),
    )
    token = gateway.ask(
        "POST", "/tokens", admin, json={"name": "nightly", "person": "bo", "roles": ["preparer"]}
    ).json()["token"]
    uploaded = gateway.ask(
        "POST",
        "/batches?filename=a.xml",
        {"Authorization": f"Bearer {token}"},
        content=consistent(sample_roster.make(6, 80_001)),
    )
    assert uploaded.status_code == 202, uploaded.text
    batch = gateway.made_ready(uploaded.json()["batch_id"])
    assert batch["uploaded_by"] == "bo"
    path, order = (
        f"/batches/{batch['batch_id']}/approve",
        {"digest": batch["digest"], "acknowledge": batch["to_acknowledge"]},
    )
    assert (
        gateway.ask("POST", path, {"Authorization": f"Bearer {token}"}, json=order).json()["code"]
        == "auth.forbidden"
    )
    refused = gateway.ask("POST", path, both, json=order)
    assert (refused.status_code, refused.json()["code"]) == (403, "approval.same-person"), (
        refused.text
    )
    accepted = gateway.ask("POST", path, other, json=order)
    assert (accepted.status_code, accepted.json()["approved_by"]) == (200, "ann"), accepted.text
