"""After a restore: the provider is asked for all that this database has forgotten, before anything may be sent.

A payment that the copy believes unsent may have been paid, under an attempt that is on no topic. So the wait that every doubt has, and
three complete walks of the provider's list of payments: what is in it is taken over, and only what is in none of the three was not made.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from threading import Event as Stop
from typing import Any

from sqlalchemy import Connection, Engine, Row

from libs.common.database.engine import run
from libs.common.observability.logs import log
from libs.common.recovery import restore
from libs.common.runtime.service import Beat
from services.dispatcher.domain.duplicates import choose_payment, is_alive, payment_id_of
from services.dispatcher.domain.protocol import Timing, after_lookup
from services.dispatcher.handlers import Evidence
from services.dispatcher.preparation.provisioning import Provisioner
from services.dispatcher.provider.client import Unreachable, shown
from services.dispatcher.provider.reader import Reader, since
from services.dispatcher.recovery import own_messages
from services.dispatcher.sending import provider_accounts
from services.dispatcher.store import payments
from services.dispatcher.store.payments import Change
from services.dispatcher.tracking.polling import DOUBTS, adopted

OPEN = ("unprocessed", "sending", "in_doubt", "held")
AGAIN_S, SLICE_S, CHUNK = 2.0, 1.0, 1_000
SWITCHED = "This database came back from a backup. Whether the switch was on is not known: release the database first, then turn the switch off."

Line = Mapping[str, Any]


def before(engine: Engine, first: int, _beat: Beat = lambda: None) -> None:
    """Before the topics are read: the kill switch goes on, and payments that are here come to what they had said."""
    with engine.begin() as connection:
        payments.engage_kill_switch(connection, True, "dispatcher", SWITCHED)
        log.warning("payments_recalled", count=own_messages.payments(connection, first))


def after(engine: Engine, reader: Reader, timing: Timing, first: int) -> None:
    """When the topics are read: batches and the other payments as they had said, then the provider's books. Returns early when stopped."""
    with engine.begin() as connection:
        own_messages.batches(connection, first)
        log.warning("payments_recalled", count=own_messages.payments(connection, first))
    with engine.connect() as connection:
        from_date = begin(connection, first)
    rest(engine, reader, timing.grace_s, "Requests that may still be under way are waited for.")
    restore.report_progress(engine, "People and accounts are taken over from the provider.")
    Accounts(engine, reader, from_date).take_over()
    Payments(engine, reader, timing, from_date).take_over()


def begin(connection: Connection, first: int) -> datetime | None:
    """From when on something may have been made that the copy does not know: its last word, or an attempt it knows as open. None: from ever."""
    at: datetime | None = run(
        connection,
        """
        SELECT least((SELECT max(created_at) FROM outbox WHERE id <= :first),
                     (SELECT min(a.first_sent_at) FROM attempt a WHERE a.outcome = 'open')) WHERE EXISTS (SELECT FROM outbox WHERE id <= :first)""",
        first=first,
    ).scalar()
    return at


@dataclasses.dataclass
class Accounts:
    """Holders and accounts: the rows that a batch needs, bound to what the provider has under their ids, and payments bound to them."""

    engine: Engine
    reader: Reader
    from_date: datetime | None

    def take_over(self) -> None:
        """Return when every approved payment that can be is linked to its accounts, or when stopped."""
        preparer = Provisioner(self.engine, self.reader)
        while not self.reader.stop.is_set() and preparer.unprepared(every=True):
            self.reader.beat()
            if not preparer.prepare(every=True):
                self.reader.stop.wait(AGAIN_S)
        while not self.reader.stop.is_set():
            with suppress(Unreachable):
                if all([self._walk("/entities"), self._walk("/accounts")]):
                    break
            self.reader.stop.wait(AGAIN_S)
        while not self.reader.stop.is_set() and preparer.link(every=True):
            self.reader.beat()
        with (
            self.engine.begin() as connection
        ):  # what cannot be linked whole (its merchant is another now) is still followed, by its source account
            run(
                connection,
                """
                UPDATE payment p SET source_object = s.object_id FROM source a JOIN object c ON c.natural_key = 'corporation:' || a.ein
                JOIN object s ON s.natural_key = 'ach:' || c.object_id || ':' || a.account_index
                WHERE p.source_object IS NULL AND a.batch_id = p.batch_id AND a.source_account_id = p.source_account_id""",
            )

    def _walk(self, path: str) -> bool:
        """Bind what a list shows; whether the list was complete."""
        seen, total = set[str](), 0
        for page in self.reader.pages(path, since(self.from_date)):
            seen |= {str(line["id"]) for line in page.lines}
            total = page.total
            self._bind(page.lines)
        return len(seen) == total

    def _bind(self, lines: Sequence[Line]) -> None:
        named = {str((line.get("metadata") or {}).get("object_id", "")): line for line in lines}
        with self.engine.begin() as connection:
            rows = run(
                connection,
                """
                SELECT * FROM object WHERE CAST(object_id AS text) = ANY(CAST(:ids AS text[])) AND provider_id IS NULL
                    AND status IN ('unprocessed', 'sending', 'in_doubt') ORDER BY object_id FOR UPDATE""",
                ids=list(named),
            ).all()
            run(
                connection,
                "UPDATE attempt SET outcome = 'accepted' WHERE subject_id = ANY(CAST(:ids AS uuid[])) AND outcome = 'open'",
                ids=[str(row.object_id) for row in rows],
            )
            provider_accounts.write(
                connection,
                [
                    {
                        "id": str(row.object_id),
                        "step": "",
                        "wait_s": 0.0,
                        "purpose": row.purpose,
                        "code": "",
                        "reason": "",
                        **provider_accounts.ready_or_next(row, named[str(row.object_id)]),
                    }
                    for row in rows
                ],
            )


@dataclasses.dataclass
class Payments:
    """Every payment without an end, held against the provider's whole list."""

    engine: Engine
    reader: Reader
    timing: Timing
    from_date: datetime | None

    def take_over(self) -> None:
        """Return when each is known to be there or not to be, or when stopped."""
        looks = 0
        while looks < self.timing.lookups_needed and not self.reader.stop.is_set():
            complete = False
            with suppress(Unreachable):
                complete = self._look(looks + 1)
            looks = (
                looks + 1 if complete else 0
            )  # a walk that was cut short says nothing of what is not there
            if looks < self.timing.lookups_needed:
                rest(
                    self.engine,
                    self.reader,
                    self.timing.lookup_every_s if complete else AGAIN_S,
                    f"The provider's list was read {looks} of {self.timing.lookups_needed} times.",
                )
        if looks == self.timing.lookups_needed:
            self._absent()

    def _look(self, number: int) -> bool:
        """Walk the list once and take over what is in it; whether the walk was complete."""
        restore.report_progress(
            self.engine,
            f"The provider's list of payments is read, {number} of {self.timing.lookups_needed}.",
        )
        with self.engine.connect() as connection:
            wanted = {
                str(i)
                for i in run(
                    connection,
                    "SELECT payment_id FROM payment WHERE status = ANY(CAST(:open AS text[]))",
                    open=list(OPEN),
                ).scalars()
            }
        seen: set[str] = set()
        total, found = 0, dict[str, list[Line]]()
        for page in self.reader.pages("/payments", since(self.from_date)):
            seen |= {str(line["id"]) for line in page.lines}
            total = page.total
            self._dates(page.lines)
            for line in page.lines:
                if payment_id_of(line) in wanted:
                    found.setdefault(payment_id_of(line), []).append(line)
        for some in chunks(sorted(found)):
            self._adopt({payment_id: found[payment_id] for payment_id in some})
        return len(seen) == total

    def _dates(self, lines: Sequence[Line]) -> None:
        """When the provider made them: by that it is found in which page a payment is read later."""
        made = {str(line["id"]): at for line in lines if (at := shown(line).created_at) is not None}
        with self.engine.begin() as connection:
            run(
                connection,
                """
                UPDATE payment p SET provider_created_at = x.at FROM unnest(CAST(:ids AS text[]), CAST(:ats AS timestamptz[])) AS x(id, at)
                WHERE p.provider_id = x.id AND p.provider_created_at IS NULL""",
                ids=list(made),
                ats=list(made.values()),
            )

    def _adopt(self, found: Mapping[str, Sequence[Line]]) -> None:
        with self.engine.begin() as connection:
            rows = run(
                connection,
                """
                SELECT p.*, s.provider_id AS source, d.provider_id AS destination FROM payment p
                LEFT JOIN object s ON s.object_id = p.source_object LEFT JOIN object d ON d.object_id = p.destination_object
                WHERE CAST(p.payment_id AS text) = ANY(CAST(:ids AS text[])) AND p.status = ANY(CAST(:open AS text[]))
                ORDER BY p.payment_id FOR UPDATE OF p""",
                ids=list(found),
                open=list(OPEN),
            ).all()
            lines = {
                row.payment_id: choose_payment(
                    found[str(row.payment_id)], str(row.payment_id), row.attempts, ""
                )
                for row in rows
            }
            mine = [
                (row, line)
                for row in rows
                if (line := lines[row.payment_id]) is not None
                and not (
                    row.status == "held"
                    and (row.reason_code == DOUBTS["other_money"][0] or not is_alive(line))
                )
            ]
            self._attempts(connection, mine)
            payments.apply(connection, [self._change(connection, row, line) for row, line in mine])
            log.warning("payments_found_at_provider", count=len(mine))

    def _attempts(self, connection: Connection, mine: Sequence[tuple[Row[Any], Line]]) -> None:
        """The attempts that led to these lines, as far as they are not known here."""
        known = {
            (row.subject_id, row.n)
            for row in run(
                connection,
                "SELECT subject_id, n FROM attempt WHERE subject_id = ANY(CAST(:ids AS uuid[]))",
                ids=[str(row.payment_id) for row, _ in mine],
            )
        }
        run(
            connection,
            """
            UPDATE attempt a SET outcome = 'absent' FROM unnest(CAST(:ids AS uuid[]), CAST(:ns AS int[])) AS x(id, n)
            WHERE a.subject_id = x.id AND a.n < x.n AND a.outcome = 'open'""",
            ids=[str(row.payment_id) for row, _ in mine],
            ns=[attempt_of(line) for _, line in mine],
        )
        own_messages.insert_attempts(
            connection,
            [
                (
                    row.payment_id,
                    n,
                    "absent"
                    if n < attempt_of(line)
                    else "open"
                    if row.status == "held"
                    else "accepted",
                )
                for row, line in mine
                for n in range(1, attempt_of(line) + 1)
                if (row.payment_id, n) not in known
            ],
        )

    def _change(self, connection: Connection, row: Row[Any], line: Line) -> Change:
        evidence = Evidence("lookup", f"{row.payment_id}/{line['id']}")
        sides = [(row.source, line.get("source")), (row.destination, line.get("destination"))]
        same = line.get("amount") == row.amount_cents and all(
            ours is None or ours == theirs for ours, theirs in sides
        )
        number = max(row.attempts, attempt_of(line))
        if row.status == "held":  # people decide; but not any more that it was never sent
            code, reason = DOUBTS["other_money"]
            return Change(row, "held", evidence, attempts=number, reason_code=code, reason=reason)
        if same or not is_alive(line):  # what has ended there moves no money, whatever it is of
            return dataclasses.replace(adopted(connection, row, line, evidence), attempts=number)
        code, reason = DOUBTS["other_money"]
        return Change(row, "held", evidence, attempts=number, reason_code=code, reason=reason)

    def _absent(self) -> None:
        """What is in none of the complete walks was not made: attempts that the copy knew as open did not happen."""
        with self.engine.begin() as connection:
            rows = run(
                connection,
                """
                SELECT p.*, a.http_status = 200 OR a.outcome = 'accepted' OR p.reason_code = 'mismatch' AS taken, b.state
                FROM payment p JOIN attempt a ON a.subject_id = p.payment_id AND a.n = p.attempts
                JOIN batch b ON b.batch_id = p.batch_id WHERE p.status IN ('sending', 'in_doubt') ORDER BY p.payment_id FOR UPDATE OF p""",
            ).all()
            changes = []
            for row in rows:
                following = after_lookup(
                    None,
                    self.timing.lookups_needed,
                    row.attempts,
                    bool(row.taken),
                    row.state == "cancelled",
                    self.timing,
                )
                code, reason = DOUBTS[following.status]
                changes.append(
                    Change(
                        row,
                        following.status,
                        Evidence("lookup", f"{row.payment_id}/{row.attempts}/restored"),
                        reason_code=code,
                        reason=reason,
                    )
                )
                run(
                    connection,
                    "UPDATE attempt SET outcome = :outcome WHERE subject_id = :id AND n = :n AND outcome = 'open'",
                    outcome=following.attempt,
                    id=row.payment_id,
                    n=row.attempts,
                )
            payments.apply(connection, changes)
            log.warning("attempts_did_not_happen", count=len(changes))


def rest(engine: Engine, reader: Reader, seconds: float, why: str) -> None:
    """Wait, and say what for; returns early when stopped."""
    restore.report_progress(engine, why)
    for _ in range(max(1, round(seconds / SLICE_S))):
        reader.beat()
        if reader.stop.wait(min(seconds, SLICE_S)):
            return


def attempt_of(line: Line) -> int:
    """Which attempt of ours a line is of, as its metadata says; 1 where that cannot be read."""
    said = str((line.get("metadata") or {}).get("attempt"))
    return int(said) if said.isascii() and said.isdigit() and 1 <= int(said) <= 50 else 1


def chunks(ids: Sequence[str]) -> Iterator[Collection[str]]:
    """In portions of one transaction."""
    return (ids[at : at + CHUNK] for at in range(0, len(ids), CHUNK))


def recovery_steps(
    reader_of: Callable[[Stop, Beat], Reader], timing: Timing
) -> restore.RecoverySteps:
    """What the dispatcher does while its database is held; `reader_of(stop, beat)` reads from the provider."""

    def ask(engine: Engine, first: int, stop: Stop, beat: Beat) -> None:
        after(engine, reader_of(stop, beat), timing, first)

    return restore.RecoverySteps(before, ask)
