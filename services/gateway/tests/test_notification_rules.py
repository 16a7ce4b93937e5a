"""What is an event, when an approval is reminded of, and that texts hold nothing personal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.gateway.domain import notifications as rules
from services.gateway.domain.notification_reasons import words_of
from services.gateway.domain.notification_texts import TEST_KIND, title_and_body
from services.gateway.domain.notifications import EVENT_KINDS, Event
from services.gateway.tests.fakes import BATCH

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
READY: dict[str, Any] = {
    "batch_id": BATCH,
    "status": "ready",
    "filename": "Ida Smith.xml",
    "uploaded_by": "prea",
    "approved_at": None,
    "rows": {"payable": 578},
    "amount_cents": {"payable": 123_456},
}


def summary(total: int, completed: int, failed: int) -> dict[str, Any]:
    return {
        "payments": {"total": total, "completed": completed, "failed": failed},
        "payment_amount_cents": {"completed": completed * 100},
        "as_of": NOW.isoformat(),
    }


def test_a_ready_batch_waits_for_approval_with_its_figures_alone() -> None:
    (event,) = rules.events_of_batch(READY)
    assert event.key == ("approval_waiting", BATCH, "first")
    assert event.figures == {"payable_rows": 578, "payable_cents": 123_456}
    assert "Ida" not in repr(event)


def asked(state: str, number: int = 1) -> dict[str, Any]:
    """The batch with its newest request for an approval."""
    request = {"request_id": f"request-{number}", "state": state, "end_reason": "Ida is wrong"}
    return {**READY, "approval_request": {**request, "ended_at": NOW.isoformat()}}


def test_a_batch_that_was_sent_back_is_told_once_and_waits_for_nobody() -> None:
    (event,) = rules.events_of_batch(asked("sent_back"))
    assert (event.key, event.at) == (("sent_back", BATCH, "request-1"), NOW)
    assert "Ida" not in repr(event)
    assert rules.reminders(asked("sent_back"), NOW - timedelta(hours=25), NOW, 24) == []


def test_a_batch_that_is_asked_for_again_waits_anew() -> None:
    found = [rules.events_of_batch(asked("open", number)) for number in (1, 2)]
    assert [one.key for (one,) in found] == [
        ("approval_waiting", BATCH, "request-1"),
        ("approval_waiting", BATCH, "request-2"),
    ]
    (withdrawn,) = rules.events_of_batch(asked("withdrawn"))
    assert withdrawn.key == ("approval_waiting", BATCH, "first")


def test_an_approved_batch_is_told_by_the_time_of_its_approval() -> None:
    batch = {**READY, "status": "paying", "approved_at": (NOW - timedelta(days=4)).isoformat()}
    (event,) = rules.events_of_batch(batch)
    assert event.kind == "approved"
    assert not rules.is_told(event, NOW)
    assert rules.is_told(event, NOW - timedelta(days=2))


@pytest.mark.parametrize(
    ("hours", "occurrences"),
    [(0, []), (23, []), (24, ["reminder 1"]), (50, ["reminder 2"]), (24 * 9, [])],
)
def test_an_approval_is_reminded_of_three_times_at_most(hours: int, occurrences: list[str]) -> None:
    found = rules.reminders(READY, NOW - timedelta(hours=hours), NOW, 24)
    assert [one.occurrence for one in found] == occurrences
    assert rules.reminders(READY, NOW - timedelta(hours=hours), NOW, 0) == []


@pytest.mark.parametrize(
    ("failed", "kinds"), [(0, ["finished"]), (4, ["finished"]), (5, ["finished", "failures"])]
)
def test_failures_over_the_share(failed: int, kinds: list[str]) -> None:
    batch = {**READY, "status": "completed_with_failures"}
    found = rules.events_of_payments(batch, summary(100, 100 - failed, failed), 5)
    assert [one.kind for one in found] == kinds
    paying = {**READY, "status": "paying"}
    assert [one.kind for one in rules.events_of_payments(paying, summary(100, 0, failed), 5)] == (
        kinds[1:]
    )


def test_a_batch_without_failures_is_never_over_the_share() -> None:
    assert rules.events_of_payments({**READY, "status": "paying"}, summary(0, 0, 0), 5) == []


def test_returns_and_breaks_are_one_event_for_each_batch_and_day() -> None:
    lines = [
        {"batch_id": BATCH, "count": 1, "at": "2026-11-27T11:00:00+00:00"},
        {"batch_id": BATCH, "count": 2, "at": "2026-11-28T01:00:00+02:00"},
        {"batch_id": BATCH, "count": 2, "at": "2026-11-28T11:00:00Z"},
    ]
    found = rules.events_of_returns(lines)
    assert [(one.occurrence, one.figures["count"]) for one in found] == [
        ("2026-11-27", 1),
        ("2026-11-27", 2),
        ("2026-11-28", 2),
    ]
    (event,) = rules.events_of_breaks([{**lines[2], "again": False}])
    assert (event.path, event.occurrence) == ("/reconciliation", "2026-11-28")


def test_a_break_that_is_found_again_is_another_event() -> None:
    line = {"batch_id": BATCH, "count": 1, "at": "2026-11-28T11:30:00Z"}
    first, again = rules.events_of_breaks([{**line, "again": False}, {**line, "again": True}])
    assert first.key != again.key
    assert again.occurrence == "again 2026-11-28T11"


def test_sources_and_money() -> None:
    assert rules.events_of_sources(READY, {"stopped_sources": []}) == []
    (stopped,) = rules.events_of_sources(READY, {"stopped_sources": [{"source_account_id": "9"}]})
    assert (stopped.kind, stopped.figures) == ("source_stopped", {"stopped": 1})
    assert rules.events_of_money(READY, {"sources": [{"is_short": False}]}) == []
    (short,) = rules.events_of_money(READY, {"sources": [{"is_short": True}]})
    assert short.figures == {"short": 1}


def test_waits_grow_and_end() -> None:
    waits = [rules.retry_wait_s(n) for n in range(1, rules.ATTEMPTS_MAX + 1)]
    assert waits[-1] is None
    assert waits[:-1] == sorted(wait for wait in waits[:-1] if wait is not None)


FIGURES = dict.fromkeys(
    (
        *("payable_rows", "payable_cents", "payments", "paid", "failed", "paid_cents"),
        *("stopped", "short", "count"),
    ),
    1_234,
)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", [*EVENT_KINDS, TEST_KIND])
def test_every_event_has_a_text_in_each_language(kind: str, language: Any) -> None:
    title, body = title_and_body(kind, language, "ingest", FIGURES)
    assert title
    assert "{" not in body
    assert BATCH not in body


def test_a_reminder_says_for_how_long() -> None:
    figures = {"payable_rows": 2, "payable_cents": 918, "waiting_hours": 24}
    title, body = title_and_body("approval_waiting", "en", BATCH, figures)
    assert title == "A batch still waits for approval"
    assert body == "2 rows with $9.18 have waited for 24 hours."


def test_every_reason_has_words() -> None:
    for reason in ("address", "name", "connection", "timeout", "redirect", "gone", "refused"):
        assert words_of(reason)
    assert "503" in words_of("status 503")
    assert Event("approved", "b").key == Event("approved", "b", figures={"x": 1}).key
