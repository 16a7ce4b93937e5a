"""Databases that came back from a backup, through the real gateway: they take no orders, say why, and go on when two people say so."""

import json
from typing import Any

import pytest

from devtools import sample_roster
from libs.common.recovery import quarantine
from services.ingest.tests.harness import consistent
from tests.gateway_api.house import House, build

pytestmark = pytest.mark.database
WHY = {"reason": "compared with the provider"}


def held(house: House, name: str) -> Any:
    return next(
        one
        for one in house.ask("GET", "/ops/restored", house.session("ann", "approver")).json()[
            "services"
        ]
        if one["name"] == name
    )


def test_a_held_database_takes_no_orders_until_two_people_release_it(
    make_database: Any, tmp_path: Any
) -> None:
    house = build(
        make_database,
        tmp_path,
        auth_mode="oidc",
        oidc_issuer="https://sso.example",
        oidc_client_id="c",
        oidc_client_secret="s",
        oidc_roles=json.dumps({"g": "preparer"}),
    )
    approver, second, operator, preparer = (
        house.session(name, role)
        for name, role in (
            ("ann", "approver"),
            ("bea", "approver"),
            ("olga", "operator"),
            ("pia", "preparer"),
        )
    )
    batch = house.batch("uma")
    assert (
        house.ask("POST", "/ops/restored/release", operator, json=WHY).json()["code"]
        == "restored.not-now"
    )
    for one in (house.world.engine, house.dispatcher):
        with one.begin() as connection:
            quarantine.start(connection, "It is an older copy of itself.")
    house.standings["ingest"].closed_because = "It is an older copy of itself."
    answer = house.ask(
        "POST",
        "/batches?filename=a.xml",
        preparer,
        content=consistent(sample_roster.make(3, 70_001)),
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "database.restored")
    assert "older copy" in answer.json()["detail"]
    refused = house.ask(
        "POST",
        f"/batches/{batch['batch_id']}/approve",
        approver,
        json={"digest": batch["digest"], "acknowledge": batch["to_acknowledge"]},
    )
    assert refused.status_code == 503
    assert house.ask("GET", f"/batches/{batch['batch_id']}", approver).status_code == 200, (
        "it can be looked at"
    )
    assert (
        held(house, "ingest")["held"],
        held(house, "ingest")["settled"],
        held(house, "ledger")["held"],
    ) == (True, False, False)
    early = house.ask("POST", "/ops/restored/release", operator, json=WHY)
    assert (early.status_code, early.json()["code"]) == (409, "restored.not-now")
    for one in (house.world.engine, house.dispatcher):
        quarantine.mark_recovered(one)
    assert house.ask("POST", "/ops/restored/release", preparer, json=WHY).status_code == 403

    def release(who: dict[str, str]) -> list[str]:
        return [
            one["outcome"]
            for one in house.ask("POST", "/ops/restored/release", who, json=WHY).json()["services"]
        ]

    assert release(approver) == ["proposed", "proposed"]
    assert release(approver) == ["proposed", "proposed"], "the same person again"
    assert house.ask("POST", "/ops/restored/release", operator, json=WHY).status_code == 409, (
        "an operator cannot confirm"
    )
    assert release(second) == ["released", "released"]
    assert (
        held(house, "ingest")["held"],
        held(house, "ingest")["proposed_by"],
        held(house, "ingest")["released_by"],
    ) == (False, "ann", "bea")
