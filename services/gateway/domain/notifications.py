"""What people can be told of, and which facts of the services are such events.

An event has a natural key: kind, subject and occurrence. The same fact seen again has the same key,
so it is told once. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, get_args

Json = Mapping[str, Any]  # an answer of another service
EventKind = Literal[
    "approval_waiting",
    "sent_back",
    "approved",
    "finished",
    "failures",
    "payment_returned",
    "source_stopped",
    "money_short",
    "break_found",
    "operations_red",
]
EVENT_KINDS: Final[tuple[EventKind, ...]] = get_args(EventKind)
Language = Literal["en", "es"]
DeliveryStatus = Literal["waiting", "sent", "failed", "dropped"]

FIRST: Final = "first"
#: A fact that is older was known to people before: it is noted, and nobody is told.
TELL_WITHIN: Final = timedelta(days=3)
REMINDERS_MAX: Final = 3
BEING_PAID: Final = frozenset({"approved", "paying", "paused"})
FINISHED: Final = frozenset({"completed", "completed_with_failures", "cancelled"})
#: Seconds until the next attempt, after each failed one. Then a delivery is a dead letter.
WAITS_S: Final = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
ATTEMPTS_MAX: Final = len(WAITS_S) + 1


@dataclass(frozen=True)
class Event:
    """Something to tell.

    Args:
        subject: the id of a batch or the name of a service; never anything personal.
        occurrence: tells several events of one kind and subject apart.
        figures: counts and cents.
        path: the page of the dashboard that shows it.
        at: when it happened; None: now.
    """

    kind: EventKind
    subject: str
    occurrence: str = FIRST
    figures: Mapping[str, int] = field(default_factory=dict)
    path: str = "/"
    at: datetime | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """The natural key."""
        return self.kind, self.subject, self.occurrence


def is_told(event: Event, now: datetime) -> bool:
    """Whether an event that was just noticed is still news."""
    return event.at is None or now - event.at <= TELL_WITHIN


def waits_for_approval(batch: Json) -> bool:
    """Whether an approver can act on a batch: it is ready, and nobody has just sent it back."""
    return bool(batch["status"] == "ready" and _request(batch)["state"] != "sent_back")


def events_of_batch(batch: Json) -> list[Event]:
    """What the status of a batch alone says, and the newest request for its approval.

    A batch waits when it is ready, and again each time somebody asks for its approval.
    """
    batch_id, found, request = str(batch["batch_id"]), [], _request(batch)
    path = f"/batches/{batch_id}/approval"
    if waits_for_approval(batch):
        figures = {
            "payable_rows": int(batch["rows"]["payable"]),
            "payable_cents": int(batch["amount_cents"]["payable"]),
        }
        occurrence = str(request["request_id"]) if request["state"] == "open" else FIRST
        found.append(Event("approval_waiting", batch_id, occurrence, figures, path))
    if request["state"] == "sent_back":
        at = datetime.fromisoformat(str(request["ended_at"]))
        found.append(Event("sent_back", batch_id, str(request["request_id"]), {}, path, at))
    if batch.get("approved_at"):
        at = datetime.fromisoformat(str(batch["approved_at"]))
        found.append(Event("approved", batch_id, FIRST, {}, f"/batches/{batch_id}", at))
    return found


def reminders(batch: Json, noticed_at: datetime, now: datetime, every_h: int) -> list[Event]:
    """The reminder of an approval that still waits, one for each `every_h` hours; 0: none.

    Args:
        noticed_at: when the first notification of this batch was made.
    """
    if not every_h or not waits_for_approval(batch):
        return []
    count = int((now - noticed_at) / timedelta(hours=every_h))
    if not 1 <= count <= REMINDERS_MAX:
        return []
    (first,) = (one for one in events_of_batch(batch) if one.kind == "approval_waiting")
    figures = {**first.figures, "waiting_hours": count * every_h}
    return [Event(first.kind, first.subject, f"reminder {count}", figures, first.path)]


def events_of_payments(batch: Json, summary: Json, failure_share: int) -> list[Event]:
    """What the payments of a batch say.

    Args:
        summary: its payments by status, from reports.
        failure_share: tell when so many per cent of the payments have failed.
    """
    batch_id, payments = str(batch["batch_id"]), summary["payments"]
    figures = {
        "payments": int(payments["total"]),
        "paid": int(payments["completed"]),
        "failed": int(payments["failed"]),
        "paid_cents": int(summary["payment_amount_cents"]["completed"]),
    }
    found, as_of = [], summary.get("as_of")
    at = datetime.fromisoformat(str(as_of)) if as_of else None
    if batch["status"] in FINISHED:
        found.append(Event("finished", batch_id, FIRST, figures, f"/batches/{batch_id}", at))
    failed = figures["failed"]
    if failed and failed * 100 >= failure_share * figures["payments"]:
        path = f"/batches/{batch_id}/failures"
        found.append(Event("failures", batch_id, FIRST, figures, path, at))
    return found


def events_of_sources(batch: Json, dispatch: Json) -> list[Event]:
    """Source accounts of a batch have stopped: once for each stop of each of them."""
    batch_id = str(batch["batch_id"])
    stopped = dispatch.get("stopped_sources") or ()
    figures, path = {"stopped": len(stopped)}, f"/batches/{batch_id}/live"
    return [
        Event("source_stopped", batch_id, f"{source['source_account_id']} {at}", figures, path)
        for source in stopped
        for at in [source.get("stopped_at") or FIRST]
    ]


def events_of_money(batch: Json, money: Json) -> list[Event]:
    """A source account has less than a batch that waits for its approval needs."""
    short = sum(1 for source in money["sources"] if source["is_short"])
    if not short:
        return []
    batch_id = str(batch["batch_id"])
    return [
        Event("money_short", batch_id, FIRST, {"short": short}, f"/batches/{batch_id}/approval")
    ]


def events_of_returns(lines: Iterable[Json]) -> list[Event]:
    """Payments that came back: one event for each batch and day.

    Args:
        lines: of the ledger, one for each batch and day: `batch_id`, `count` and the newest `at`.
    """
    return [_event_of_news("payment_returned", line, "/batches/{}/payments") for line in lines]


def events_of_breaks(lines: Iterable[Json]) -> list[Event]:
    """Differences that a reconciliation has found: one event for each batch and day.

    Those that were closed and are found again are events of their own, one for each hour.

    Args:
        lines: as for returns, and `again`.
    """
    return [_event_of_news("break_found", line, "/reconciliation") for line in lines]


def event_of_service(name: str, red_since: datetime) -> Event:
    """A service has been away or not ready for a while: one event for each hour."""
    hour = red_since.strftime("%Y-%m-%dT%H")
    return Event("operations_red", name, hour, {}, "/operations", red_since)


def retry_wait_s(attempts: int) -> int | None:
    """Seconds until the next attempt after so many; None if that was the last one."""
    return WAITS_S[attempts - 1] if attempts <= len(WAITS_S) else None


def _request(batch: Json) -> Json:
    """The newest request for the approval of a batch; its `state` is "" if nobody asked."""
    return batch.get("approval_request") or {"state": ""}


def _event_of_news(kind: EventKind, line: Json, path: str) -> Event:
    at = datetime.fromisoformat(str(line["at"])).astimezone(UTC)
    occurrence = f"again {at:%Y-%m-%dT%H}" if line.get("again") else at.date().isoformat()
    batch_id, figures = str(line["batch_id"]), {"count": int(line["count"])}
    return Event(kind, batch_id, occurrence, figures, path.format(batch_id), at)
