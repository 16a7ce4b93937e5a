"""Health of the services, and their dead letters."""

import httpx
import pytest
from starlette.responses import Response

from services.gateway.tests.conftest import Gateway

pytestmark = pytest.mark.database


def test_health_needs_no_sign_in_and_says_nothing(gateway: Gateway) -> None:
    async def work(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get("/health")

    answer = gateway.run(work)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_health_of_all_services_shows_who_is_away(gateway: Gateway) -> None:
    for fake in gateway.fakes.values():
        fake.will_answer("GET", "/health/ready", {"ready": True, "checks": {"migrations": True}})
        fake.answers["GET", "/metrics"] = Response(
            f"# TYPE paydown_{fake.name}_outbox_waiting gauge\n"
            f"paydown_{fake.name}_outbox_waiting 3.0\n"
        )
    gateway.ledger.away = httpx.ConnectTimeout("x")
    gateway.dispatcher.will_answer(
        "GET",
        "/health/ready",
        {"ready": True, "checks": {"migrations": True}, "held": "It is an older copy."},
    )
    gateway.reports.will_answer(
        "GET", "/health/ready", {"ready": False, "checks": {"migrations": False}}, 503
    )
    gateway.reports.will_answer("GET", "/metrics", {"code": "database.away"}, 503)
    found = gateway.call("GET", "/ops/health", "operator").json()
    assert found["ready"] is False
    assert {one["name"]: (one["ready"], one["away"]) for one in found["services"]} == {
        "ingest": (True, False),
        "dispatcher": (False, False),
        "webhooks": (True, False),
        "ledger": (False, True),
        "reports": (False, False),
        "gateway": (True, False),
    }
    assert [one["name"] for one in found["services"] if one["held"]] == ["dispatcher"]
    assert found["services"][0]["figures"] == {"outbox_waiting": 3.0}


def test_dead_letters_of_all_services_are_one_list_and_redriven_in_their_service(
    gateway: Gateway,
) -> None:
    for fake in gateway.fakes.values():
        fake.will_answer(
            "GET", "/ops/dead-letters", {"items": [{"dead_letter_id": 12, "code": "event.unknown"}]}
        )
    gateway.reports.away = httpx.ConnectError("refused")
    found = gateway.call("GET", "/ops/dead-letters", "operator").json()
    assert [item["dead_letter_id"] for item in found["items"]] == [
        "ingest:12",
        "dispatcher:12",
        "webhooks:12",
        "ledger:12",
    ]
    assert (found["total"], found["away"]) == (4, ["reports"])
    gateway.ledger.will_answer(
        "POST",
        "/ops/dead-letters/12/redrive",
        {"dead_letter_id": 12, "redriven_by": "demo-operator"},
    )
    assert (
        gateway.call("POST", "/ops/dead-letters/ledger:12/redrive", "operator").json()[
            "redriven_by"
        ]
        == "demo-operator"
    )
    assert (
        gateway.call("POST", "/ops/dead-letters/nobody:12/redrive", "operator").status_code == 404
    )
    assert gateway.call("POST", "/ops/dead-letters/12/redrive", "operator").status_code == 404
