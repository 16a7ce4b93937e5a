"""Polling: read payments under way from the provider, and apply the statuses it shows.

Where many payments are due, one list page answers for several.
"""

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row

from libs.common.contracts.statuses import PROVIDER_ENDED_UNPAID
from libs.common.observability.logs import log
from services.dispatcher.domain.bank_refusals import find_stopping, is_of_source
from services.dispatcher.domain.clocks import Moment, sure_age_s
from services.dispatcher.domain.duplicates import Line, payment_id_of
from services.dispatcher.domain.protocol import Timing
from services.dispatcher.domain.reasons import LOOKUP_REASONS
from services.dispatcher.domain.statuses import may_apply, next_reading_s, our_status
from services.dispatcher.handlers import Evidence
from services.dispatcher.provider.client import Unreachable, parse_payment
from services.dispatcher.provider.reader import Reader
from services.dispatcher.store import (
    flags,
    hints,
    payment_tracking,
    payments,
    source_refusals,
    source_stops,
)
from services.dispatcher.store.payment_changes import Change, apply_changes
from services.dispatcher.store.source_stops import SourceStop

DUE_MAX = 3_000
PAGE_WORTH = 8  # so many due payments are worth a list page; fewer are read one by one


class StatusPoller:
    """Reads the payments that are due."""

    def __init__(self, engine: Engine, reader: Reader, timing: Timing) -> None:
        self.engine, self.reader, self.timing = engine, reader, timing

    def poll(self) -> bool:
        """Read payments that are due; whether there was work.

        An unavailable provider is no error, only no work.
        """
        with self.engine.connect() as connection:
            due = payment_tracking.list_due_readings(connection, DUE_MAX)
        try:
            for source, group in itertools.groupby(due, key=lambda row: row.source):
                self._poll_source(str(source), list(group))
        except Unreachable as error:
            log.warning(
                "provider_does_not_answer", status=error.answer.status, code=error.answer.sub_type
            )
            return False
        return bool(due)

    def _poll_source(self, source: str, due: list[Row[Any]]) -> None:
        """Read the due payments of one source account, newest first.

        A page that begins at the newest due payment usually holds its neighbours, which are due as
        well. If it answers for few of them, the newest is read by itself.
        """
        waiting = {str(row.provider_id): row for row in due}
        while waiting:
            newest = next(iter(waiting.values()))
            lines, request_id = self._read_page(source, newest, waiting)
            if len(lines) < PAGE_WORTH:
                lines, request_id = self._read_one(newest)
                waiting.pop(str(newest.provider_id))
            now = self.reader.provider.clocks.now()
            events = {str(row.provider_id): str(row.hint) for row in due if row.hint}
            with self.engine.begin() as connection:
                apply_readings(connection, Readings(lines, request_id, events), self.timing, now)
            for line in lines:
                waiting.pop(str(line["id"]), None)

    def _read_page(
        self, source: str, newest: Row[Any], waiting: Collection[str]
    ) -> tuple[list[Line], str]:
        """Read the list page that begins at a payment.

        Returns those of its payments that are waiting, and the request's id.
        """
        if len(waiting) < PAGE_WORTH:
            return [], ""
        with self.engine.connect() as connection:
            cursor = payment_tracking.find_next_newer(connection, newest.payment_id)
        params = {"source": source, **({"page_cursor": cursor} if cursor else {})}
        page = self.reader.page("/payments", params)
        return [line for line in page.lines if line["id"] in waiting], page.request_id

    def _read_one(self, due: Row[Any]) -> tuple[list[Line], str]:
        """Read one payment; return it and the request's id.

        Nothing is returned if the provider has no payment of this id. After any failure it is read
        later, so that it does not hold up the others.
        """
        try:
            line = self.reader.get(f"/payments/{due.provider_id}")
        except Unreachable as error:
            answer = error.answer
            with self.engine.begin() as connection:
                payment_tracking.postpone_reading(connection, due.payment_id, self.timing.poll_s)
                hints.delete_answered(connection, {due.provider_id: due.hint})
                if answer.status in (400, 404):
                    detail = f"{due.provider_id}: {answer.status} {answer.sub_type}"
                    flags.insert_flag(connection, due.payment_id, "not_at_provider", detail)
                    unbind_unknown(connection, due.provider_id, answer.request_id)
                    return [], ""
            raise
        return [{**line, "id": due.provider_id}], line["_request_id"]


@dataclass(frozen=True)
class Readings:
    """What one request showed of payments, and the webhooks, by provider payment, that asked."""

    lines: Sequence[Line]
    request_id: str
    events: Mapping[str, str]

    def evidence(self, provider_id: str) -> Evidence:
        """Return the evidence of what was read of a payment."""
        event = self.events.get(provider_id)
        if event:
            return Evidence("webhook", f"{event}/{self.request_id}")
        return Evidence("poll", self.request_id)


def apply_readings(connection: Connection, readings: Readings, timing: Timing, now: Moment) -> None:
    """Apply what the provider shows of payments.

    A status is applied only if it can follow the stored one. Otherwise it is flagged.
    """
    by_id = {str(line["id"]): line for line in readings.lines}
    rows = payment_tracking.lock_by_provider_ids(connection, list(by_id))
    wrongly_bound = find_wrongly_bound(
        connection, [row for row in rows if not row.provider_status], by_id
    )
    changes: list[Change] = []
    unchanged: list[tuple[UUID, float | None]] = []
    for row in rows:
        line = by_id[row.provider_id]
        if row.payment_id in wrongly_bound:
            changes.append(unbind(row, readings.request_id, wrongly_bound[row.payment_id]))
            continue
        observed = believable_status(connection, row, line)
        if observed == row.provider_status or row.status not in ("pending", "completed"):
            paid_s_ago = sure_age_s(row.paid_s_ago, row.provider_created_at, now)
            wait_s = next_reading_s(row.status, observed, paid_s_ago, timing)
            unchanged.append((row.payment_id, wait_s))
            continue
        evidence = readings.evidence(row.provider_id)
        changes.append(change_by_reading(row, line, evidence, timing, now))
    apply_changes(connection, changes)
    payment_tracking.schedule_readings(connection, unchanged)
    hints.delete_answered(
        connection, {name: event for name, event in readings.events.items() if name in by_id}
    )
    stop_refused_sources(connection, changes)


def stop_refused_sources(connection: Connection, changes: Sequence[Change]) -> None:
    """Stop source accounts whose bank has refused too many payments since a person resumed them.

    Only a payment that failed counts. A late return of one that was paid says nothing of today.
    """
    refused = [
        change
        for change in changes
        if change.status == "failed" and is_of_source(change.reason_code)
    ]
    if not refused:
        return
    reasons = {change.row.account_index: change.reason for change in refused}
    source_refusals.insert_refusals(
        connection,
        [
            (change.row.account_index, change.row.payment_id, change.reason_code)
            for change in refused
        ],
    )
    stops = []
    for account, codes in source_refusals.list_codes(connection, list(reasons)).items():
        if code := find_stopping(codes):
            log.error("source_stopped", code=code, count=len(codes))
            stops.append(SourceStop(account, code, reasons[account]))
    source_stops.stop_sources(connection, stops)


def believable_status(connection: Connection, row: Row[Any], line: Line) -> str:
    """Return the observed status, or flag it and return the stored one if it cannot follow."""
    stored, observed = str(row.provider_status), str(line.get("status"))
    if observed == stored:
        return stored
    if line.get("amount") == row.amount_cents and may_apply(stored, observed):
        return observed
    detail = f"{stored} then {observed}, {line.get('amount')} cents"
    flags.insert_flag(connection, row.payment_id, "impossible_status", detail)
    return stored


def change_by_reading(
    row: Row[Any], line: Line, evidence: Evidence, timing: Timing, now: Moment
) -> Change:
    """Return the change that an observed status makes.

    A payment that ended there unpaid is `failed` only if no earlier attempt, once believed absent,
    is alive. That is looked up first.
    """
    payment = parse_payment(line)
    status = our_status(row.status, payment.status)
    has_ended = payment.status in PROVIDER_ENDED_UNPAID and row.status == "pending"
    if row.attempts > 1 and has_ended:
        code, reason = LOOKUP_REASONS["ended_there"]
        return Change(row, "in_doubt", evidence, step="lookup", reason_code=code, reason=reason)
    is_paid = row.status == "completed"
    paid_s_ago = sure_age_s(row.paid_s_ago, row.provider_created_at, now) if is_paid else 0.0
    return Change(
        row,
        status,
        evidence,
        provider_status=payment.status,
        source_trace_id=payment.source_trace_id,
        destination_trace_id=payment.destination_trace_id,
        reversal_id=payment.reversal_id,
        reason_code=payment.reason_code,
        reason=payment.reason,
        poll_s=next_reading_s(status, payment.status, paid_s_ago, timing),
    )


def find_wrongly_bound(
    connection: Connection, rows: Sequence[Row[Any]], by_id: Mapping[str, Line]
) -> dict[UUID, str]:
    """Find payments, read for the first time, whose provider payment is not what was approved.

    People may have bound them. Where the provider payment names none of ours, money and accounts
    decide: so people end a payment whose metadata the provider has lost. Returns the kind of each
    difference, a key of `LOOKUP_REASONS`: it is ours with other money, or another payment.
    """
    if not rows:
        return {}
    accounts = payments.find_accounts(connection, [row.payment_id for row in rows])
    wrong = {}
    for row in rows:
        line, sides = by_id[row.provider_id], accounts[row.payment_id]
        found = (line.get("amount"), line.get("source"), line.get("destination"))
        approved = (row.amount_cents, sides.source, sides.destination)
        named = payment_id_of(line)
        if named not in ("", str(row.payment_id)) or (found != approved and not named):
            wrong[row.payment_id] = "other_payment"
        elif found != approved:
            wrong[row.payment_id] = "other_money"
    return wrong


def unbind_unknown(connection: Connection, provider_id: str, request_id: str) -> None:
    """Hold a payment again whose provider payment does not exist and was never read.

    People have bound it to a mistyped id.
    """
    rows = payment_tracking.lock_by_provider_ids(connection, [provider_id])
    mistyped = [row for row in rows if row.status == "pending" and not row.provider_status]
    apply_changes(connection, [unbind(row, request_id or provider_id) for row in mistyped])


def unbind(row: Row[Any], request_id: str, reason_key: str = "other_payment") -> Change:
    """Return the change of a payment that was bound to another one: it is held again."""
    code, reason = LOOKUP_REASONS[reason_key]
    return Change(
        row,
        "held",
        Evidence("poll", request_id),
        provider_id="",
        provider_status="",
        reason_code=code,
        reason=f"{row.provider_id}: {reason}",
    )
