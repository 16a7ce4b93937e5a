"""Webhooks, events, reports, ping. Pure but for events, which are read from the books."""

import csv
import io
from collections.abc import Callable, Iterable
from typing import Protocol

from simulator import serializers, validation
from simulator.clock import day
from simulator.messages import Answer, Refusal, Request, dump, not_found, success
from simulator.models import Event, Json, Payment, Report, Webhook
from simulator.paging import LIMIT_MAX, moment, number
from simulator.state import World

REPORTS = {
    "payments.created.current",
    "payments.created.previous",
    "payments.created.previous_day",
    "payments.updated.current",
    "payments.updated.previous",
    "payments.failed.previous_day",
    "ach.pull.upcoming",
    "ach.pull.previous",
    "ach.pull.nightly",
    "ach.reversals.nightly",
    "ach.debit.daily",
    "entities.created.previous_day",
    "reserve_fbo_balance.created.previous_day",
}
REPORT_COLUMNS = (
    "id",
    "source",
    "destination",
    "amount",
    "description",
    "status",
    "error",
    "created_at",
    "updated_at",
)
DAY_MS = 86_400_000


class EventBook(Protocol):
    """Where written events are read."""

    def event(self, event_id: str) -> Event | None:
        """One event."""

    def list_events(
        self,
        kind: str | None,
        resource_id: str | None,
        from_ms: int,
        to_ms: int,
        limit: int,
        offset: int,
    ) -> list[Event]:
        """Events, newest first."""


def ping(_world: World, _request: Request) -> Answer:
    """GET /ping."""
    return success(None, message="pong")


def create_webhook(world: World, request: Request) -> Answer:
    """POST /webhooks; the same type and address may be registered again."""
    body = request.json()
    kind, url = body.get("type"), body.get("url")
    if (
        not isinstance(kind, str)
        or "." not in kind
        or not isinstance(url, str)
        or not url.startswith(("https://", "http://"))
    ):
        raise Refusal("INVALID_REQUEST", "type and url are required.")
    for name in ("auth_token", "hmac_secret"):
        if body.get(name) is not None and not isinstance(body[name], str):
            raise Refusal("INVALID_REQUEST", f"{name} must be a string.")
    seq, webhook_id = world.new_id(world.webhooks)
    webhook = Webhook(
        seq=seq,
        id=webhook_id,
        created_ms=request.now_ms,
        updated_ms=request.now_ms,
        metadata=validation.metadata(body, "WEBHOOK"),
        type=kind,
        url=url,
        auth_token=body.get("auth_token"),
        hmac_secret=body.get("hmac_secret"),
        expand_event=body.get("expand_event") is True,
        version=request.version,
    )
    world.put(world.webhooks, webhook)
    return success(serializers.webhook(webhook, request.version))


def _webhook(world: World, request: Request) -> Webhook:
    found = world.webhooks.by_id.get(request.ids[0])
    if found is None or found.status == "deleted":
        raise not_found("The webhook")
    return found


def list_webhooks(world: World, request: Request) -> Answer:
    """GET /webhooks: the active ones."""
    return success(
        [
            serializers.webhook(w, request.version)
            for w in reversed(world.webhooks.items)
            if w.status == "active"
        ]
    )


def webhook(world: World, request: Request) -> Answer:
    """GET /webhooks/{id}."""
    return success(serializers.webhook(_webhook(world, request), request.version))


def update_webhook(world: World, request: Request) -> Answer:
    """PATCH /webhooks/{id} {status: active | disabled}."""
    found, status = _webhook(world, request), request.json().get("status")
    if status not in ("active", "disabled"):
        raise Refusal("INVALID_REQUEST", "status must be active or disabled.")
    found.status, found.failures = status, 0
    found.error = (
        None
        if status == "active"
        else {
            "type": "WEBHOOK_DISABLED",
            "code": 25005,
            "sub_type": "WEBHOOK_DISABLED_BY_USER",
            "message": "The webhook was disabled by a user.",
        }
    )
    world.touch(world.webhooks, found, request.now_ms, {})
    return success(serializers.webhook(found, request.version))


def delete_webhook(world: World, request: Request) -> Answer:
    """DELETE /webhooks/{id}."""
    found = _webhook(world, request)
    found.status = "deleted"
    world.touch(world.webhooks, found, request.now_ms, {})
    return success(None)


def event_routes(
    book: EventBook,
) -> tuple[Callable[[World, Request], Answer], Callable[[World, Request], Answer]]:
    """GET /events and GET /events/{id}, read from the book."""

    def listing(world: World, request: Request) -> Answer:
        from_text, to_text = request.one("from_date"), request.one("to_date")
        limit = number(request, "page_limit", LIMIT_MAX, LIMIT_MAX)
        events = book.list_events(
            request.one("type"),
            request.one("resource_id"),
            moment(from_text, end=False) if from_text else 0,
            moment(to_text, end=True) if to_text else 2**62,
            limit,
            (number(request, "page", 1, 10**6) - 1) * limit,
        )
        return success([serializers.event(e, resource(world, e, request.version)) for e in events])

    def single(world: World, request: Request) -> Answer:
        found = book.event(request.ids[0])
        if found is None:
            raise not_found("The event")
        return success(serializers.event(found, resource(world, found, request.version)))

    return listing, single


def resource(world: World, event: Event, version: str) -> Json | None:
    """The resource of an event as it is now."""
    if payment := world.payments.by_id.get(event.resource_id):
        return serializers.payment(payment, version)
    if account := world.accounts.by_id.get(event.resource_id):
        return serializers.account(account, version)
    if entity := world.entities.by_id.get(event.resource_id):
        return serializers.entity(entity, world.sessions.where("owner", entity.id), version)
    if reversal := world.reversals.by_id.get(event.resource_id):
        return serializers.reversal(reversal)
    return None


def create_report(world: World, request: Request) -> Answer:
    """POST /reports; completed at once, as in the provider's development environment."""
    body = request.json()
    if body.get("type") not in REPORTS:
        raise Refusal("INVALID_REQUEST", "type is not a known report.")
    seq, report_id = world.new_id(world.reports)
    metadata = validation.metadata(body, "REPORT")
    report = Report(
        seq=seq,
        id=report_id,
        created_ms=request.now_ms,
        updated_ms=request.now_ms,
        metadata=metadata,
        type=body["type"],
    )
    world.put(world.reports, report)
    return success(serializers.report(report, request.host))


def _report(world: World, request: Request) -> Report:
    found = world.reports.by_id.get(request.ids[0])
    if found is None:
        raise not_found("The report")
    return found


def report(world: World, request: Request) -> Answer:
    """GET /reports/{id}."""
    return success(serializers.report(_report(world, request), request.host))


def download(world: World, request: Request) -> Answer:
    """GET /reports/{id}/download: CSV, no envelope."""
    found = _report(world, request)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(REPORT_COLUMNS)
    for p in report_lines(world.payments.items, found):
        shape = serializers.payment(p, request.version)
        writer.writerow(
            [
                dump(shape[c]).decode() if isinstance(shape[c], dict) else shape[c]
                for c in REPORT_COLUMNS
            ]
        )
    name = f'attachment; filename="{found.id}.csv"'.encode()
    return Answer(
        200, out.getvalue().encode(), ((b"content-disposition", name),), b"text/csv; charset=utf-8"
    )


def report_lines(payments: Iterable[Payment], report: Report) -> list[Payment]:
    """The payments of a report: its day by creation or change, the failed ones, those still to be pulled, or those with a reversal."""
    words = report.type.split(".")
    at_ms = report.created_ms - (0 if words[-1] in ("current", "upcoming") else DAY_MS)
    if words[0] not in ("payments", "ach"):
        return []
    if "upcoming" in words:
        return [p for p in payments if p.status == "pending"]
    if words[0] == "ach":
        days = (day(at_ms), day(report.created_ms))
        return [
            p
            for p in payments
            if p.status != "pending"
            and day(p.updated_ms) in days
            and (p.reversal_id or "reversals" not in words)
        ]
    moments = (
        (p, p.created_ms if words[1] == "created" else p.updated_ms)
        for p in payments
        if words[1] != "failed" or p.status == "failed"
    )
    return [p for p, ms in moments if day(ms) == day(at_ms)]
