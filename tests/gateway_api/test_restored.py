"""Databases that came back from a backup are read-only in the API until two people release them."""

from typing import Any

import pytest

from devtools import sample_roster
from libs.common.recovery import quarantine
from services.ingest.tests.harness import consistent
from tests.gateway_api.harness import OIDC, GatewayHarness, build

pytestmark = pytest.mark.database
REASON = {"reason": "compared with the provider"}
Headers = dict[str, str]


def restored(gateway: GatewayHarness, name: str) -> Any:
    """What the API shows of a service's database."""
    answer = gateway.ask("GET", "/ops/restored", gateway.session("ann", "approver"))
    return next(one for one in answer.json()["services"] if one["name"] == name)


def release(gateway: GatewayHarness, person: Headers) -> Any:
    return gateway.ask("POST", "/ops/restored/release", person, json=REASON)


def outcomes(gateway: GatewayHarness, person: Headers) -> list[str]:
    return [one["outcome"] for one in release(gateway, person).json()["services"]]


def quarantine_databases(gateway: GatewayHarness) -> None:
    for engine in (gateway.ingest.engine, gateway.dispatcher):
        with engine.begin() as connection:
            quarantine.start(connection, "It is an older copy of itself.")
    gateway.startup_gates["ingest"].closed_because = "It is an older copy of itself."


def check_is_read_only(gateway: GatewayHarness, batch: Any, preparer: Headers) -> None:
    approver = gateway.session("ann", "approver")
    xml = consistent(sample_roster.make(3, 70_001))
    answer = gateway.ask("POST", "/batches?filename=a.xml", preparer, content=xml)
    assert (answer.status_code, answer.json()["code"]) == (503, "database.restored")
    assert "older copy" in answer.json()["detail"]
    path = f"/batches/{batch['batch_id']}"
    order = {"digest": batch["digest"], "acknowledge": batch["to_acknowledge"]}
    assert gateway.ask("POST", f"{path}/approve", approver, json=order).status_code == 503
    assert gateway.ask("GET", path, approver).status_code == 200, "it can be read"


def test_a_quarantined_database_takes_no_orders_until_two_people_release_it(
    make_database: Any, tmp_path: Any
) -> None:
    gateway = build(make_database, tmp_path, **OIDC)
    approver = gateway.session("ann", "approver")
    second = gateway.session("bea", "approver")
    operator = gateway.session("olga", "operator")
    preparer = gateway.session("pia", "preparer")
    batch = gateway.batch("uma")
    assert release(gateway, operator).json()["code"] == "restored.not-now"

    quarantine_databases(gateway)
    check_is_read_only(gateway, batch, preparer)
    ingest = restored(gateway, "ingest")
    assert (ingest["held"], ingest["settled"]) == (True, False)
    assert restored(gateway, "ledger")["held"] is False
    early = release(gateway, operator)
    assert (early.status_code, early.json()["code"]) == (409, "restored.not-now")

    for engine in (gateway.ingest.engine, gateway.dispatcher):
        quarantine.mark_recovered(engine)
    assert release(gateway, preparer).status_code == 403
    assert outcomes(gateway, approver) == ["proposed", "proposed"]
    assert outcomes(gateway, approver) == ["proposed", "proposed"], "the same person again"
    assert release(gateway, operator).status_code == 409, "an operator cannot confirm"
    assert outcomes(gateway, second) == ["released", "released"]
    ingest = restored(gateway, "ingest")
    assert (ingest["held"], ingest["proposed_by"], ingest["released_by"]) == (False, "ann", "bea")
