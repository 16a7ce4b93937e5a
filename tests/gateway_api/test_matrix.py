"""Every route for every role, for who has uploaded the batch and for somebody else: the real gateway in front of the real services."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from devtools import sample_roster
from services.gateway.domain import access
from services.ingest.tests.harness import consistent
from tests.gateway_api.house import House, build

pytestmark = pytest.mark.database
LIVE = "/batches/{batch_id}/live"  # without an end where there is a batch: here it is asked of none, services/gateway/tests/test_event_stream.py reads it
REASON = {"reason": "so it is"}
BODIES: dict[str, Callable[[Any], Any]] = {
    "/batches/{batch_id}/approve": lambda b: {
        "digest": b["digest"],
        "acknowledge": b["to_acknowledge"],
    },
    "/batches/{batch_id}/discard": lambda _: REASON,
    "/batches/{batch_id}/corrections": lambda b: {
        "corrections": b["corrections_offered"]
        or [{"source_account_id": "x", "field": "state", "from": "IA", "to": "KS"}]
    },
    "/batches/{batch_id}/child-batches": lambda _: {"filter": {"status": "failed"}, **REASON},
    "/batches/{batch_id}/pause": lambda _: REASON,
    "/batches/{batch_id}/resume": lambda _: REASON,
    "/batches/{batch_id}/cancel": lambda _: REASON,
    "/reconciliation/runs": lambda _: {},
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
def house(make_database: Any, tmp_path_factory: pytest.TempPathFactory) -> House:
    return build(
        make_database,
        tmp_path_factory.mktemp("files"),
        auth_mode="oidc",
        oidc_issuer="https://sso.example",
        oidc_client_id="c",
        oidc_client_secret="s",
        oidc_roles=json.dumps({"g": "preparer"}),
    )


@pytest.fixture(scope="module")
def people(house: House) -> dict[tuple[str, str], dict[str, str]]:
    """A person of each role who has uploaded, and one who has not."""
    return {
        (role, owner): house.session(f"{role}-{owner}", role)
        for role in access.ROLES
        for owner in ("uploader", "other")
    }


@pytest.fixture(scope="module")
def known(house: House) -> dict[str, Any]:
    """A batch of each uploader, for what changes nothing."""
    return {role: house.batch(f"{role}-uploader") for role in access.ROLES}


@pytest.mark.parametrize("owner", ["uploader", "other"])
@pytest.mark.parametrize(("method", "template"), list(access.ROUTE_ROLES))
def test_every_route_for_every_role_and_owner(
    house: House,
    people: dict[tuple[str, str], dict[str, str]],
    known: dict[str, Any],
    method: str,
    template: str,
    owner: str,
) -> None:
    for role in access.ROLES:
        allowed = role in access.ROUTE_ROLES[method, template]
        acts = allowed and method == "POST" and "{batch_id}" in template
        batch = house.batch(f"{role}-uploader") if acts else known[role]
        names = {
            "batch_id": uuid4() if template == LIVE else batch["batch_id"],
            "payment_id": uuid4(),
            "token_id": uuid4(),
            "dead_letter_id": "ledger:1",
            "name": "sources.csv",
        }
        more: dict[str, Any] = {"json": BODIES[template](batch)} if template in BODIES else {}
        if (method, template) == ("POST", "/batches"):
            more = {
                "content": consistent(sample_roster.make(5, 90_000 + len(role) * 7 + len(owner)))
            }
        who = (
            house.session(f"{role}-{owner}", role)
            if (method, template) == ("DELETE", "/session")
            else people[role, owner]
        )
        answer = house.ask(method, template.format(**names), who, **more)
        what = f"{role} who is {owner}: {answer.status_code} {answer.text[:300]}"
        if not allowed or (template.endswith("/approve") and owner == "uploader"):
            assert (answer.status_code, answer.json()["status"]) == (403, 403), what
            assert (answer.json()["code"] == "auth.forbidden") == (not allowed), (
                what
            )  # the uploader is refused by ingest, not at the door
        else:
            assert answer.status_code < 500, what
            assert answer.status_code not in (401, 403), what


def test_a_token_is_its_human_who_cannot_approve_what_it_uploaded(house: House) -> None:
    both, other, admin = (
        house.session("bo", "preparer", "approver"),
        house.session("ann", "approver"),
        house.session("ada", "admin"),
    )
    token = house.ask(
        "POST", "/tokens", admin, json={"name": "nightly", "person": "bo", "roles": ["preparer"]}
    ).json()["token"]
    uploaded = house.ask(
        "POST",
        "/batches?filename=a.xml",
        {"Authorization": f"Bearer {token}"},
        content=consistent(sample_roster.make(6, 80_001)),
    )
    assert uploaded.status_code == 202, uploaded.text
    batch = house.made_ready(uploaded.json()["batch_id"])
    assert batch["uploaded_by"] == "bo"
    path, order = (
        f"/batches/{batch['batch_id']}/approve",
        {"digest": batch["digest"], "acknowledge": batch["to_acknowledge"]},
    )
    assert (
        house.ask("POST", path, {"Authorization": f"Bearer {token}"}, json=order).json()["code"]
        == "auth.forbidden"
    )
    refused = house.ask("POST", path, both, json=order)
    assert (refused.status_code, refused.json()["code"]) == (403, "approval.same-person"), (
        refused.text
    )
    accepted = house.ask("POST", path, other, json=order)
    assert (accepted.status_code, accepted.json()["approved_by"]) == (200, "ann"), accepted.text
