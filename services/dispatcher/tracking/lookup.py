"""Look-ups: search the provider's list for payments whose outcome is not known."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row

from services.dispatcher.domain.clocks import (
    Moment,
    has_surely_passed,
    list_from,
    may_be_forgotten,
)
from services.dispatcher.domain.duplicates import Line, choose_payment, is_alive
from services.dispatcher.domain.protocol import Found, Next, Timing, after_lookup
from services.dispatcher.domain.reasons import LOOKUP_REASONS
from services.dispatcher.domain.statuses import our_status
from services.dispatcher.handlers import Evidence
from services.dispatcher.provider.client import Unreachable, parse_payment
from services.dispatcher.provider.clocks import Clocks
from services.dispatcher.provider.reader import Reader, since
from services.dispatcher.store import attempts, payment_sending, payment_tracking
from services.dispatcher.store.payment_changes import Change, apply_changes

LOOKUPS_AT_ONCE = 20
DUE_MAX = 10_000
SWEEP_MAX = 1_000


class PaymentLookup:
    """Ends doubts about payments. Each method returns whether there was work."""

    def __init__(self, engine: Engine, reader: Reader, timing: Timing) -> None:
        self.engine, self.reader, self.timing = engine, reader, timing
        self.clocks = reader.provider.clocks

    def look_up(self) -> bool:
        """Search the provider's list for payments whose outcome is unknown, after their grace."""
        rows = self._lease()
        for row in rows:
            accounts = {"source": row.source, "destination": row.destination}
            params = {name: account for name, account in accounts.items() if account}
            from_date = list_from(
                row.approved_at, row.provider_date, row.our_now, self.clocks.now().provider
            )
            try:
                lines, complete = self.reader.all("/payments", {**params, **since(from_date)})
            except Unreachable:
                self._restart(row)
                continue
            line = choose_payment(lines, str(row.payment_id), row.attempts, row.provider_id or "")
            if not complete and (line is None or not is_alive(line)):
                self._restart(row)
            else:
                self._conclude(row, line)
        return bool(rows)

    def _lease(self) -> list[Row[Any]]:
        """Take the lease of payments of which the waits before the next look-up are over."""
        now = self.clocks.now()
        with self.engine.begin() as connection:
            due = payment_tracking.list_due_lookups(connection, DUE_MAX)
            ready = [row for row in due if self._is_ready(row, now)]
            fences = {row.payment_id: row.fence for row in ready[:LOOKUPS_AT_ONCE]}
            return payment_tracking.lease_lookups(connection, fences) if fences else []

    def _is_ready(self, row: Row[Any], now: Moment) -> bool:
        return may_look_up(self.clocks, row.payment_id, row, self.timing, now)

    def _restart(self, row: Row[Any]) -> None:
        """Note that a walk was not complete: it says nothing about absence."""
        with self.engine.begin() as connection:
            payment_tracking.restart_lookups(
                connection, row.payment_id, row.fence + 1, self.timing.lookup_every_s
            )

    def _conclude(self, row: Row[Any], line: Line | None) -> None:
        """Apply what a look-up found, unless another worker has the payment now."""
        found = None if line is None else found_payment(row, line)
        following = after_lookup(
            found,
            row.looks + 1,
            row.absent + 1,
            row.may_exist,
            row.state == "cancelled",
            self.timing,
        )
        with self.engine.begin() as connection:
            locked = payment_tracking.lock_leased(connection, row.payment_id, row.fence + 1)
            if locked is None:
                return
            evidence = Evidence("lookup", f"{row.payment_id}/{row.attempts}/{row.looks + 1}")
            if found is not None and found.equal and line is not None:
                apply_changes(connection, [adopt(connection, locked, line, evidence)])
                return
            key = look_key(row.payment_id, row.attempts, row.looks + 1)
            self.clocks.sends.note(key, self.clocks.now())
            attempts.end_attempts(connection, [(row.payment_id, row.attempts, following.attempt)])
            reason_key = following.status if found is None else "other_money"
            apply_changes(
                connection,
                [change_after_lookup(locked, following, evidence, row.looks + 1, reason_key)],
            )

    def sweep(self) -> bool:
        """Leave to the look-up what may not be sent again, and to people what was refused often.

        The provider may have forgotten the key, or the batch was cancelled.
        """
        now = self.clocks.now()
        with self.engine.begin() as connection:
            candidates = payment_sending.list_resending(connection, SWEEP_MAX)
            past = {row.payment_id: row.fence for row in candidates if self._is_past(row, now)}
            rows = payment_sending.lock_at_fences(connection, past) if past else []
            code, reason = LOOKUP_REASONS["in_doubt"]
            apply_changes(
                connection,
                [
                    Change(
                        row,
                        "in_doubt",
                        Evidence("intent", f"{row.payment_id}/{row.attempts}"),
                        step="lookup",
                        reason_code=code,
                        reason=reason,
                        publish=row.status != "in_doubt",
                    )
                    for row in rows
                ],
            )
            exhausted = payment_sending.lock_exhausted(connection, SWEEP_MAX)
            apply_changes(connection, [held_for_refusals(row) for row in exhausted])
        return bool(rows or exhausted)

    def _is_past(self, row: Row[Any], now: Moment) -> bool:
        first_seen = self.clocks.keys.first_seen((row.payment_id, row.attempts), now)
        return row.state == "cancelled" or may_be_forgotten(
            row.provider_date, first_seen, now, self.timing.resend_until_s
        )


def may_look_up(
    clocks: Clocks, subject_id: UUID, row: Row[Any], timing: Timing, now: Moment
) -> bool:
    """Whether the grace after the last send, and the wait after a look-up, are over.

    Both by both clocks, as long as this process knows: after a start they begin anew.

    Args:
        row: the newest attempt (`attempts`), its `sends`, and `looks` that did not find it.
    """
    sent = clocks.sends.first_seen((subject_id, row.attempts, row.sends), now)
    looked = clocks.sends.first_seen(look_key(subject_id, row.attempts, row.looks), now)
    wait_s = timing.lookup_every_s if row.looks else 0.0
    return has_surely_passed(sent, now, timing.grace_s) and has_surely_passed(looked, now, wait_s)


def look_key(subject_id: UUID, attempt: int, lookups: int) -> tuple[str, UUID, int, int]:
    """Return under what this process remembers when so many look-ups had been made."""
    return "look", subject_id, attempt, lookups


def held_for_refusals(row: Row[Any]) -> Change:
    """Return the change of a payment that was tried as often as is allowed."""
    code, reason = LOOKUP_REASONS["exhausted"]
    evidence = Evidence("intent", f"{row.payment_id}/{row.attempts}")
    return Change(row, "held", evidence, reason_code=code, reason=reason)


def found_payment(row: Row[Any], line: Line) -> Found:
    """Compare a line of the provider's list with the payment.

    One that has ended unpaid moves no money, whatever its amount and accounts.
    """
    found = (line.get("amount"), line.get("source"), line.get("destination"))
    is_same = found == (row.amount_cents, row.source, row.destination)
    return Found(str(line["id"]), is_same or not is_alive(line))


def change_after_lookup(
    row: Row[Any], following: Next, evidence: Evidence, lookups: int, reason_key: str
) -> Change:
    """Return the change of a payment that was not adopted."""
    code, reason = LOOKUP_REASONS[reason_key]
    return Change(
        row,
        following.status,
        evidence,
        step=following.step.value,
        wait_s=following.wait_s,
        lookups=lookups if following.status == "in_doubt" else 0,
        reason_code=code,
        reason=reason,
        publish=following.status != row.status,
    )


def adopt(connection: Connection, row: Row[Any], line: Line, evidence: Evidence) -> Change:
    """Bind a payment to one in the provider's list; return the change.

    The attempt it is of was accepted, as is known now.
    """
    number = str((line.get("metadata") or {}).get("attempt"))
    attempts.accept_attempt(connection, row.payment_id, number)
    payment = parse_payment(line)
    return Change(
        row,
        our_status("pending", payment.status),
        evidence,
        provider_id=str(line["id"]),
        provider_status=payment.status,
        provider_created_at=payment.created_at,
        source_trace_id=payment.source_trace_id,
        destination_trace_id=payment.destination_trace_id,
        reversal_id=payment.reversal_id,
        reason_code=payment.reason_code,
        reason=payment.reason,
        poll_s=0.0,
    )
