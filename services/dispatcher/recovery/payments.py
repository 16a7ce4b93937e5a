"""Recover payments from the provider: each one without an end is compared with its whole list.

A payment that the copy believes unsent may have been paid, under an attempt that is on no topic.
So three complete walks of the provider's list are made, after the grace that every doubt has.
What is in the list is adopted. Only what is in none of the three did not happen.
"""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row

from libs.common.observability.logs import log
from libs.common.recovery import quarantine
from services.dispatcher.domain.duplicates import Line, choose_payment, is_alive, payment_id_of
from services.dispatcher.domain.protocol import ATTEMPTS_MAX, Timing, after_lookup
from services.dispatcher.domain.provider_walk import Listed, find_ours
from services.dispatcher.domain.reasons import LOOKUP_REASONS
from services.dispatcher.handlers import Evidence
from services.dispatcher.provider.client import Unreachable, parse_payment
from services.dispatcher.provider.reader import Reader, since
from services.dispatcher.recovery.waiting import wait_for
from services.dispatcher.store import attempts, payment_tracking, payments, provider_walks
from services.dispatcher.store.payment_changes import Change, apply_changes
from services.dispatcher.tracking.lookup import adopt

WITHOUT_END = ("unprocessed", "sending", "in_doubt", "held")
RETRY_S = 2.0
CHUNK = 1_000


@dataclasses.dataclass
class PaymentRecovery:
    """Adopts what the provider has of payments without an end.

    `from_date` is when something may have been created that the copy does not know; None is ever.
    """

    engine: Engine
    reader: Reader
    timing: Timing
    from_date: datetime | None

    def run(self) -> None:
        """Return when each payment is known to be at the provider or not to be, or on stop."""
        needed, walks = self.timing.lookups_needed, 0
        while walks < needed and not self.reader.stop.is_set():
            complete = False
            with suppress(Unreachable):
                complete = self._walk(walks + 1)
            walks = walks + 1 if complete else 0  # a walk cut short shows nothing of absence
            if walks < needed:
                wait_for(
                    self.engine,
                    self.reader,
                    self.timing.lookup_every_s if complete else RETRY_S,
                    f"The provider's list was read {walks} of {needed} times.",
                )
        if walks == needed:
            self._end_absent()

    def _walk(self, number: int) -> bool:
        """Walk the list once and adopt what is in it; whether the walk was complete."""
        quarantine.report_progress(
            self.engine,
            f"The provider's list of payments is read, {number} of {self.timing.lookups_needed}.",
        )
        with self.engine.connect() as connection:
            wanted = payments.list_ids(connection, WITHOUT_END)
        found, ours = dict[str, list[Line]](), list[Listed]()
        walk = self.reader.walk("/payments", since(self.from_date))
        for page in walk:
            self._record_created_at(page.lines)
            ours += find_ours(page.lines)
            for line in page.lines:
                if payment_id_of(line) in wanted:
                    found.setdefault(payment_id_of(line), []).append(line)
        for some in chunks(sorted(found)):
            self._adopt({payment_id: found[payment_id] for payment_id in some})
        self._record_unknown(ours)
        return walk.complete

    def _record_unknown(self, ours: Sequence[Listed]) -> None:
        """Record what is still not known here: who releases the database has been told of it."""
        with self.engine.begin() as connection:
            count = provider_walks.insert_unknown(connection, ours)
        if count:
            log.warning("unknown_payments_at_provider", count=count)

    def _record_created_at(self, lines: Sequence[Line]) -> None:
        created_at = {
            str(line["id"]): at
            for line in lines
            if (at := parse_payment(line).created_at) is not None
        }
        with self.engine.begin() as connection:
            payment_tracking.record_created_at(connection, created_at)

    def _adopt(self, found: Mapping[str, Sequence[Line]]) -> None:
        with self.engine.begin() as connection:
            pairs = []
            for row in payments.lock_with_accounts(connection, list(found)):
                payment_id = str(row.payment_id)
                line = choose_payment(found[payment_id], payment_id, row.attempts, "")
                if line is not None and is_news(row, line):
                    pairs.append((row, line))
            self._record_attempts(connection, pairs)
            apply_changes(connection, [change_to_found(connection, *pair) for pair in pairs])
            log.warning("payments_found_at_provider", count=len(pairs))

    def _record_attempts(
        self, connection: Connection, pairs: Sequence[tuple[Row[Any], Line]]
    ) -> None:
        """Write the attempts that led to these lines, as far as they are not known here."""
        known = attempts.list_numbers(connection, [row.payment_id for row, _ in pairs])
        attempts.end_earlier_attempts(
            connection, [(row.payment_id, attempt_of(line)) for row, line in pairs]
        )
        attempts.insert_known_attempts(
            connection,
            [
                (row.payment_id, n, outcome_of(row, line, n))
                for row, line in pairs
                for n in range(1, attempt_of(line) + 1)
                if (row.payment_id, n) not in known
            ],
        )

    def _end_absent(self) -> None:
        """End the attempts that were in none of the complete walks: they did not happen."""
        with self.engine.begin() as connection:
            rows = payment_tracking.lock_undecided(connection)
            following = [
                after_lookup(
                    None,
                    self.timing.lookups_needed,
                    row.absent + 1,
                    bool(row.may_exist),
                    row.state == "cancelled",
                    self.timing,
                )
                for row in rows
            ]
            attempts.end_attempts(
                connection,
                [
                    (row.payment_id, row.attempts, then.attempt)
                    for row, then in zip(rows, following, strict=True)
                ],
            )
            apply_changes(
                connection,
                [
                    change_to_absent(row, then.status)
                    for row, then in zip(rows, following, strict=True)
                ],
            )
            log.warning("attempts_did_not_happen", count=len(rows))


def is_news(row: Row[Any], line: Line) -> bool:
    """Whether a line of the provider's list changes a payment.

    A payment that has ended here meanwhile does not change. A held one changes only if the line is
    alive and people do not know yet that the provider has it.
    """
    if row.status not in WITHOUT_END:
        return False
    is_known = row.reason_code == LOOKUP_REASONS["other_money"][0]
    return not (row.status == "held" and (is_known or not is_alive(line)))


def outcome_of(row: Row[Any], line: Line, n: int) -> str:
    """Return the outcome of an attempt that is not known here, by the line that was found."""
    if n < attempt_of(line):
        return "absent"
    return "open" if row.status == "held" else "accepted"


def change_to_found(connection: Connection, row: Row[Any], line: Line) -> Change:
    """Return the change of a payment that the provider has.

    People still decide about a held one, but no longer that it was never sent. A line that has
    ended moves no money, so its amount and accounts do not count.
    """
    evidence = Evidence("lookup", f"{row.payment_id}/{line['id']}")
    sides = [(row.source, line.get("source")), (row.destination, line.get("destination"))]
    is_same = line.get("amount") == row.amount_cents and all(
        ours is None or ours == theirs for ours, theirs in sides
    )
    number = max(row.attempts, attempt_of(line))
    if row.status != "held" and (is_same or not is_alive(line)):
        return dataclasses.replace(adopt(connection, row, line, evidence), attempts=number)
    code, reason = LOOKUP_REASONS["other_money"]
    return Change(row, "held", evidence, attempts=number, reason_code=code, reason=reason)


def change_to_absent(row: Row[Any], status: str) -> Change:
    """Return the change of a payment whose newest attempt did not happen."""
    code, reason = LOOKUP_REASONS[status]
    evidence = Evidence("lookup", f"{row.payment_id}/{row.attempts}/restored")
    return Change(row, status, evidence, reason_code=code, reason=reason)


def attempt_of(line: Line) -> int:
    """Return which attempt of ours a line is of, by its metadata; 1 if that cannot be read."""
    text = str((line.get("metadata") or {}).get("attempt"))
    is_number = text.isascii() and text.isdigit()
    return int(text) if is_number and 1 <= int(text) <= ATTEMPTS_MAX else 1


def chunks(ids: Sequence[str]) -> Iterator[Collection[str]]:
    """Return the ids in portions of one transaction."""
    return (ids[at : at + CHUNK] for at in range(0, len(ids), CHUNK))
