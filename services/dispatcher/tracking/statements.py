"""Statements: the provider's own list of a batch's payments, read to its end and published for the ledger to judge."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, Engine, Row

from libs.common.contracts.events import StatementClosed, StatementLine
from libs.common.contracts.statuses import FINAL_PAYMENTS
from libs.common.database.engine import run
from libs.common.messaging import outbox
from libs.common.observability.logs import log
from services.dispatcher.domain.duplicates import (
    Duplicate,
    PaymentSnapshot,
    find_duplicates,
    payment_id_of,
)
from services.dispatcher.domain.protocol import Timing
from services.dispatcher.domain.statuses import our_status
from services.dispatcher.handlers import Evidence
from services.dispatcher.provider.client import Unreachable, shown
from services.dispatcher.provider.reader import Reader, since
from services.dispatcher.store import payments
from services.dispatcher.store.payments import Change

CHUNK = 2_000
SINGLE_READS = 20


class Statements:
    """Takes a statement when all payments of a batch are final and something changed since the last one, or a person asks."""

    def __init__(self, engine: Engine, reader: Reader, timing: Timing) -> None:
        self.engine, self.reader, self.timing = engine, reader, timing
        self.accounts: dict[
            str, Mapping[str, Any]
        ] = {}  # as read from the provider; a holder, merchant and mask never change there
        self.entities: dict[str, Mapping[str, Any]] = {}
        self.searched_at = time.monotonic()

    def take(self) -> bool:
        """One statement of every batch that needs one; whether any was taken.

        That is: all its payments are final and something changed since the last one; or it is not closed yet; or a night has gone by
        (a payment may turn up at the provider long after it was believed absent); or a person asks.
        """
        with self.engine.connect() as connection:
            due = run(
                connection,
                """
                SELECT b.batch_id FROM batch b
                JOIN LATERAL (SELECT change_id AS newest, at FROM status_change WHERE batch_id = b.batch_id ORDER BY change_id DESC LIMIT 1) c ON true
                JOIN LATERAL (SELECT at FROM status_change WHERE batch_id = b.batch_id ORDER BY change_id LIMIT 1) o ON true
                WHERE b.state <> 'waiting' AND b.payments > 0 AND b.statement_begun_at < now() - make_interval(secs => :quiet_s)
                  AND (b.statement_wanted_by <> ''
                    OR (greatest(b.statement_begun_at, o.at) < now() - make_interval(secs => :nightly_s)
                        AND c.at > now() - make_interval(secs => :watch_for_s))
                    OR ((c.newest > b.statement_seq OR (b.status IN ('approved', 'paying', 'paused')
                                                        AND b.statement_begun_at < now() - make_interval(secs => :again_s)))
                        AND c.at < now() - make_interval(secs => :quiet_s)
                        AND b.payments = (SELECT count(*) FROM payment p WHERE p.batch_id = b.batch_id AND p.status = ANY(CAST(:final AS text[])))))""",
                again_s=self.timing.statement_again_s,
                quiet_s=self.timing.quiet_s,
                nightly_s=self.timing.statement_nightly_s,
                watch_for_s=self.timing.watch_for_s,
                final=sorted(FINAL_PAYMENTS),
            ).all()
        for row in due:
            try:
                self._take(row.batch_id)
            except Unreachable as error:
                log.warning(
                    "statement_cut_short", batch_id=str(row.batch_id), status=error.answer.status
                )
                return False
        return bool(due)

    def _take(self, batch_id: UUID) -> None:
        begun = self._begin(batch_id)
        run_id = payments.statement_id(batch_id, begun.statement_n)
        lines: list[dict[str, Any]] = []
        pages, complete = 0, True
        for source in begun.sources:
            found, whole = self.reader.all(
                "/payments", {"source": source, **since(begun.from_date)}
            )
            lines += found
            pages += len(found) // 100 + 1
            complete = complete and whole
        lines = self._of_batch(lines, str(batch_id))
        self._read_accounts(lines)
        self.end_doubles(lines, batch_id)
        for at in range(0, len(lines), CHUNK):
            with self.engine.begin() as connection:
                outbox.add(
                    connection,
                    [
                        self._line(run_id, batch_id, begun, number, line)
                        for number, line in enumerate(lines[at : at + CHUNK], start=at + 1)
                    ],
                )
        with self.engine.begin() as connection:
            outbox.add(
                connection,
                [
                    StatementClosed(
                        event_id=uuid5(run_id, "closed"),
                        occurred_at=payments.now(connection),
                        correlation=str(batch_id),
                        run_id=run_id,
                        batch_id=batch_id,
                        complete=complete,
                        pages=pages,
                        lines=len(lines),
                        amount_cents=sum(cents(line) for line in lines),
                        from_at=begun.from_date or begun.at,
                        begun_at=begun.at,
                        requested_by=begun.wanted_by,
                        final_versions=begun.versions,
                        dead_letters=self._dead_letters(connection, batch_id),
                    )
                ],
            )
            run(
                connection,
                """
                UPDATE batch SET statement_seq = greatest(statement_seq, :covered),
                       statement_wanted_by = CASE WHEN statement_wanted_by = :wanted_by THEN '' ELSE statement_wanted_by END
                WHERE batch_id = :id""",
                id=batch_id,
                covered=begun.covered,
                wanted_by=begun.wanted_by,
            )

    def _dead_letters(self, connection: Connection, batch_id: UUID) -> int:
        """Messages of this batch that were rejected here and not redriven: while there are any, it is not complete."""
        return int(
            run(
                connection,
                "SELECT count(*) FROM dead_letter WHERE correlation = :id AND redriven_at IS NULL",
                id=str(batch_id),
            ).scalar_one()
        )

    def _begin(
        self, batch_id: UUID
    ) -> Any:  # a row with the statement's number and what it must cover
        with self.engine.begin() as connection:
            return run(
                connection,
                """
                WITH covered AS (SELECT coalesce(max(change_id), 0) AS seq FROM status_change WHERE batch_id = :id),
                     begun AS (UPDATE batch SET statement_n = statement_n + 1, statement_begun_at = now()
                               WHERE batch_id = :id RETURNING statement_n, statement_wanted_by)
                SELECT begun.statement_n, begun.statement_wanted_by AS wanted_by, now() AS at, covered.seq AS covered,
                       (SELECT coalesce(sum(version), 0) FROM payment WHERE batch_id = :id) AS versions,
                       (SELECT CASE WHEN bool_and(a.provider_date IS NOT NULL) THEN min(a.provider_date) END
                        FROM attempt a JOIN payment p ON p.payment_id = a.subject_id WHERE p.batch_id = :id) AS from_date,
                       ARRAY(SELECT DISTINCT o.provider_id FROM payment p JOIN object o ON o.object_id = p.source_object
                             WHERE p.batch_id = :id AND o.provider_id IS NOT NULL ORDER BY 1) AS sources
                FROM begun, covered""",
                id=batch_id,
            ).one()

    def _standings(self, batch_id: UUID) -> dict[str, PaymentSnapshot]:
        with self.engine.connect() as connection:
            rows = run(
                connection,
                "SELECT payment_id, status, provider_id FROM payment WHERE batch_id = :id",
                id=batch_id,
            )
            return {
                str(row.payment_id): PaymentSnapshot(row.status, row.provider_id or "")
                for row in rows
            }

    def _of_batch(self, lines: Iterable[dict[str, Any]], batch_id: str) -> list[dict[str, Any]]:
        """The lines of this batch, and the lines that no batch of ours explains."""
        with self.engine.connect() as connection:
            batches = {str(r.batch_id) for r in run(connection, "SELECT batch_id FROM batch")}
        return [
            line
            for line in lines
            if (named := str((line.get("metadata") or {}).get("batch_id", ""))) == batch_id
            or named not in batches
        ]

    def _read_accounts(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Accounts and their holders as the provider shows them, by list pages where many are new to us."""
        wanted = {
            str(line.get(side)) for line in lines for side in ("source", "destination")
        } - set(self.accounts)
        self._read("/accounts", wanted, self.accounts)
        holders = {
            str(self.accounts[a]["holder_id"])
            for line in lines
            for a in (str(line.get("destination")),)
            if a in self.accounts
        } - {""}
        self._read("/entities", holders - set(self.entities), self.entities)

    def _read(self, path: str, wanted: set[str], into: dict[str, Mapping[str, Any]]) -> None:
        missing = set(wanted)
        if len(missing) > SINGLE_READS:
            for page in self.reader.pages(path, {}):
                for line in page.lines:
                    into[str(line["id"])] = slim(line)
                    missing.discard(str(line["id"]))
                if not missing:
                    return
        for one in sorted(missing):
            try:
                into[one] = slim(self.reader.get(f"{path}/{one}"))
            except Unreachable as error:
                if error.answer.status != 404:
                    raise
                into[one] = slim(
                    {}
                )  # of a stranger's payment: the ledger will say that it is not the approved account

    def _line(
        self, run_id: UUID, batch_id: UUID, begun: Row[Any], number: int, line: Mapping[str, Any]
    ) -> StatementLine:
        metadata = line.get("metadata") or {}
        source, destination = (
            self.accounts[str(line.get("source"))],
            self.accounts[str(line.get("destination"))],
        )
        holder = self.entities.get(str(destination["holder_id"]), {})
        return StatementLine(
            event_id=uuid5(run_id, f"line-{number}"),
            occurred_at=begun.at,
            correlation=str(batch_id),
            run_id=run_id,
            batch_id=batch_id,
            line=number,
            provider_payment_id=str(line["id"]),
            payment_id=payment_id_of(line),
            attempt=whole(metadata.get("attempt")),
            provider_status=str(line.get("status")),
            amount_cents=cents(line),
            source_routing=str(source.get("routing", "")),
            source_last4=str(source.get("last4", "")),
            employee_id=str(holder.get("employee_id", "")),
            person_index=str(holder.get("person_index", "")),
            merchant_id=str(destination.get("mch_id", "")),
            loan_last4=str(destination.get("last4", "")),
        )

    def end_doubles(self, lines: Sequence[Mapping[str, Any]], batch_id: UUID) -> None:
        """Defence in depth: a payment alive twice at the provider, or once though it ended here, loses what can still be cancelled there.

        Where another one than ours has gone out already, ours is bound to it before anything is cancelled: a crash between leaves a
        duplicate that the next search ends, never a payment that is called failed while money moves.
        """
        ours = self._standings(batch_id)
        by_id = {str(line["id"]): line for line in lines}
        for double in find_duplicates(lines, ours):
            log.error("duplicate_at_provider", batch_id=str(batch_id), payment_id=double.payment_id)
            if self._settled(double, ours[double.payment_id], by_id):
                for surplus in double.cancel:
                    answer = self.reader.call("DELETE", f"/payments/{surplus}")
                    with self.engine.begin() as connection:
                        payments.flag(
                            connection,
                            UUID(double.payment_id),
                            "duplicate_cancel",
                            f"{surplus}: {answer.status} {answer.sub_type}",
                        )

    def _settled(
        self, double: Duplicate, ours: PaymentSnapshot, by_id: Mapping[str, Mapping[str, Any]]
    ) -> bool:
        """Bind the payment to the one that stays; False if it has changed since it was looked at, or that one is of other money."""
        with self.engine.begin() as connection:
            payments.flag(
                connection,
                UUID(double.payment_id),
                "duplicate",
                f"alive at the provider: {', '.join(double.alive)}; ours: {ours.provider_id}",
            )
            row = run(
                connection,
                """
                SELECT p.*, s.provider_id AS source, d.provider_id AS destination FROM payment p
                LEFT JOIN object s ON s.object_id = p.source_object LEFT JOIN object d ON d.object_id = p.destination_object
                WHERE p.payment_id = :id FOR UPDATE OF p""",
                id=double.payment_id,
            ).one()
            if (row.status, row.provider_id or "") != (ours.status, ours.provider_id):
                return False
            if double.bind:
                line = by_id[double.bind]
                if (line.get("amount"), line.get("source"), line.get("destination")) != (
                    row.amount_cents,
                    row.source,
                    row.destination,
                ):
                    return False
                now = shown(line)
                payments.apply(
                    connection,
                    [
                        Change(
                            row,
                            our_status("pending", now.status),
                            Evidence("lookup", f"{double.payment_id}/{double.bind}"),
                            provider_id=double.bind,
                            provider_status=now.status,
                            provider_created_at=now.created_at,
                            source_trace_id=now.source_trace_id,
                            destination_trace_id=now.destination_trace_id,
                            reversal_id=now.reversal_id,
                            poll_s=0.0,
                        )
                    ],
                )
        return True

    def search_duplicates(self) -> bool:
        """List what was made for batches that are not closed, back to their first attempt, and end what is there twice; every few minutes."""
        if time.monotonic() - self.searched_at < self.timing.duplicates_every_s:
            return False
        self.searched_at = time.monotonic()
        with self.engine.connect() as connection:
            due = run(
                connection,
                """
                SELECT b.batch_id, ARRAY(SELECT DISTINCT o.provider_id FROM payment p JOIN object o ON o.object_id = p.source_object
                                         WHERE p.batch_id = b.batch_id AND o.provider_id IS NOT NULL) AS sources, f.from_date
                FROM batch b CROSS JOIN LATERAL (
                    SELECT count(*) AS attempts, CASE WHEN bool_and(a.provider_date IS NOT NULL) THEN min(a.provider_date) END AS from_date
                    FROM attempt a JOIN payment p ON p.payment_id = a.subject_id WHERE p.batch_id = b.batch_id) f
                WHERE b.state <> 'waiting' AND b.status IN ('approved', 'paying', 'paused') AND f.attempts > 0 ORDER BY b.batch_id""",
            ).all()
        for batch in due:
            try:
                for source in batch.sources:
                    lines, _ = self.reader.all(
                        "/payments", {"source": source, **since(batch.from_date)}
                    )
                    self.end_doubles(lines, batch.batch_id)
            except Unreachable:
                return False
        return False


def whole(given: object) -> int:
    """A number in metadata, 0 for anything else: strangers write there what they like."""
    text = str(given)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def cents(line: Mapping[str, Any]) -> int:
    """A line's money, 0 where it shows none."""
    amount = line.get("amount")
    return amount if isinstance(amount, int) else 0


def slim(line: Mapping[str, Any]) -> dict[str, str]:
    """Of an account or entity of the provider only what a statement needs; full numbers are not kept."""
    ach, liability, metadata = (
        line.get("ach") or {},
        line.get("liability") or {},
        line.get("metadata") or {},
    )
    return {
        "holder_id": str(line.get("holder_id", "")),
        "routing": str(ach.get("routing", "")),
        "mch_id": str(liability.get("mch_id", "")),
        "last4": str(ach.get("number", ""))[-4:] or str(liability.get("mask", "")),
        "employee_id": str(metadata.get("employee_id", "")),
        "person_index": str(metadata.get("person_index", "")),
    }
