"""Figures carry their age, and the part that stands behind is named."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from libs.common.contracts.topics import TOPICS
from services.gateway.domain.freshness import READERS, Flow, Heard, freshness
from services.gateway.routes.freshness import ASK_EVERY_S
from services.gateway.tests.conftest import Gateway

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
LATELY = {topic.name: 2.0 for topic in TOPICS}


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def all_heard(**changed: Heard) -> dict[str, Heard]:
    names = (*READERS, "webhooks")
    return {name: Heard(Flow(LATELY, 0.0), ago(1)) for name in names} | changed


def figures_of(service: str, heard: dict[str, Heard]) -> dict[str, Any]:
    return next(one for one in freshness(heard, NOW) if one["service"] == service)


def test_figures_in_order_are_as_of_the_oldest_measurement_and_nothing_is_behind() -> None:
    found = freshness(all_heard(), NOW)
    assert [one["service"] for one in found] == list(READERS)
    assert {one["as_of"] for one in found} == {ago(3)}
    assert not any(one["behind"] for one in found)


def test_a_reader_that_has_not_applied_is_named_with_its_topic_and_since_when() -> None:
    slow = Heard(Flow(LATELY | {"status-events": 600.0}, 0.0), ago(1))
    heard = all_heard(reports=slow)
    assert figures_of("reports", heard) == {
        "service": "reports",
        "as_of": ago(601),
        "behind": [
            {"service": "reports", "step": "apply", "topic": "status-events", "since": ago(601)}
        ],
    }
    assert not figures_of("ledger", heard)["behind"]  # it reads the same topic, and keeps up


def test_what_was_not_published_is_missing_in_all_who_read_it() -> None:
    heard = all_heard(dispatcher=Heard(Flow(LATELY, 90.0), ago(1)))
    part = {"service": "dispatcher", "step": "publish", "topic": "", "since": ago(91)}
    for reader in ("ingest", "ledger", "reports"):
        assert figures_of(reader, heard)["as_of"] == ago(91)
        assert figures_of(reader, heard)["behind"] == [part]
    assert not figures_of("dispatcher", heard)["behind"]


def test_figures_end_with_the_last_word_of_a_service_that_is_away() -> None:
    heard = all_heard(dispatcher=Heard(Flow(LATELY, 0.0), ago(45)))
    found = figures_of("reports", heard)
    assert found["as_of"] == ago(45)
    assert found["behind"] == [
        {"service": "dispatcher", "step": "answer", "topic": "", "since": ago(45)}
    ]
    silent = {name: one for name, one in all_heard().items() if name != "dispatcher"}
    found = figures_of("reports", silent)
    assert found["as_of"] is None
    assert found["behind"] == [
        {"service": "dispatcher", "step": "answer", "topic": "", "since": None}
    ]


@pytest.mark.parametrize(("age_s", "behind"), [(29.0, False), (29.5, True)])
def test_thirty_seconds_need_no_word(age_s: float, behind: bool) -> None:
    heard = all_heard(ledger=Heard(Flow(LATELY | {"batches": age_s}, 0.0), ago(1)))
    assert bool(figures_of("ledger", heard)["behind"]) is behind


def test_a_reader_that_never_caught_up_has_no_moment() -> None:
    starting = Heard(Flow(LATELY | {"batches": None}, 0.0), ago(1))
    found = figures_of("reports", all_heard(reports=starting))
    assert found["as_of"] is None
    assert found["behind"][0]["since"] is None


def test_a_silent_webhooks_service_makes_no_figure_old() -> None:
    heard = {name: one for name, one in all_heard().items() if name != "webhooks"}
    assert not figures_of("reports", heard)["behind"]


@pytest.mark.database
def test_every_role_may_ask_and_the_services_are_asked_once(gateway: Gateway) -> None:
    for fake in gateway.fakes.values():
        fake.will_answer("GET", "/health/flow", {"applied_age_s": LATELY, "outbox_age_s": 0.0})
    gateway.ledger.away = httpx.ConnectError("refused")

    async def work(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.get("/api/v1/freshness", headers={"Authorization": f"Bearer demo-{who}"})
            for who in ("preparer", "auditor", "operator")
        ]

    answers = gateway.run(work)
    assert [one.status_code for one in answers] == [200, 200, 200]
    found = {one["service"]: one for one in answers[0].json()["figures"]}
    assert found["reports"]["as_of"] is None  # of what the ledger published nothing is known
    assert [one["service"] for one in found["reports"]["behind"]] == ["ledger"]
    assert not found["dispatcher"]["behind"]
    assert gateway.reports.calls == [("GET", "/health/flow")]
    assert ASK_EVERY_S < 30
