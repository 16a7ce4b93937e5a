"""Statements: the provider's own list of a batch's payments, read to its end and published for the ledger to judge."""

import time
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Engine, Row

from libs.common import outbox
from libs.common.database import run
from libs.common.events import StatementClosed, StatementLine
from libs.common.logs import log
from services.dispatcher import store
from services.dispatcher.domain import FINAL, Timing, duplicates
from services.dispatcher.provider import Unreachable
from services.dispatcher.reading import Reader, since

CHUNK = 2_000
SINGLE_READS = 20


class Statements:
    """Takes a statement when all payments of a batch are final and something changed since the last one, or a person asks."""

    def __init__(self, engine: Engine, reader: Reader, timing: Timing) -> None:
        self.engine, self.reader, self.timing = engine, reader, timing
        self.accounts: dict[str, Mapping[str, Any]] = {}  # as read from the provider; a holder, merchant and mask never change there
        self.entities: dict[str, Mapping[str, Any]] = {}
        self.searched_at = time.monotonic()

    def take(self) -> bool:
        """One statement of every batch that needs one; whether any was taken."""
        with self.engine.connect() as connection:
            due = run(connection, """
                SELECT b.batch_id FROM batch b
                JOIN LATERAL (SELECT max(change_id) AS newest, max(at) AS at FROM status_change c WHERE c.batch_id = b.batch_id) c ON true
                WHERE b.state <> 'waiting' AND b.payments > 0 AND (b.statement_wanted_by <> '' OR (
                      (c.newest > b.statement_seq OR (b.status IN ('approved', 'paying', 'paused')
                                                      AND b.statement_begun_at < now() - make_interval(secs => :again_s)))
                      AND c.at < now() - make_interval(secs => :quiet_s)
                      AND b.payments = (SELECT count(*) FROM payment p WHERE p.batch_id = b.batch_id AND p.status = ANY(CAST(:final AS text[])))))""",
                again_s=self.timing.statement_again_s, quiet_s=self.timing.quiet_s, final=sorted(FINAL)).all()
        for row in due:
            try:
                self._take(row.batch_id)
            except Unreachable as error:
                log.warning("statement_cut_short", batch_id=str(row.batch_id), status=error.answer.status)
                return False
        return bool(due)

    def _take(self, batch_id: UUID) -> None:
        begun = self._begin(batch_id)
        run_id = uuid5(batch_id, f"statement-{begun.statement_n}")
        lines: list[dict[str, Any]] = []
        pages, complete = 0, True
        for source in begun.sources:
            found, whole = self.reader.all("/payments", {"source": source, **since(begun.from_date)})
            lines += found
            pages += len(found) // 100 + 1
            complete = complete and whole
        lines = self._of_batch(lines, str(batch_id))
        self._read_accounts(lines)
        bound = self._bound(batch_id)
        self.cancel_surplus(lines, bound)
        for at in range(0, len(lines), CHUNK):
            with self.engine.begin() as connection:
                outbox.add(connection, [self._line(run_id, batch_id, begun, number, line)
                                        for number, line in enumerate(lines[at:at + CHUNK], start=at + 1)])
        with self.engine.begin() as connection:
            outbox.add(connection, [StatementClosed(
                event_id=uuid5(run_id, "closed"), occurred_at=store.now(connection), correlation=str(batch_id), run_id=run_id, batch_id=batch_id,
                complete=complete, pages=pages, lines=len(lines), amount_cents=sum(int(line["amount"]) for line in lines),
                from_at=begun.from_date or begun.at, begun_at=begun.at, requested_by=begun.wanted_by, final_versions=begun.versions)])

    def _begin(self, batch_id: UUID) -> Any:  # a row with the statement's number and what it must cover
        with self.engine.begin() as connection:
            return run(connection, """
                WITH covered AS (SELECT coalesce(max(change_id), 0) AS seq FROM status_change WHERE batch_id = :id),
                     wanted AS (SELECT statement_wanted_by FROM batch WHERE batch_id = :id),
                     begun AS (UPDATE batch SET statement_n = statement_n + 1, statement_seq = covered.seq, statement_begun_at = now(),
                                      statement_wanted_by = '' FROM covered WHERE batch_id = :id RETURNING statement_n)
                SELECT begun.statement_n, wanted.statement_wanted_by AS wanted_by, now() AS at,
                       (SELECT coalesce(sum(version), 0) FROM payment WHERE batch_id = :id) AS versions,
                       (SELECT min(a.provider_date) FROM attempt a JOIN payment p ON p.payment_id = a.subject_id WHERE p.batch_id = :id) AS from_date,
                       ARRAY(SELECT DISTINCT o.provider_id FROM payment p JOIN object o ON o.object_id = p.source_object
                             WHERE p.batch_id = :id AND o.provider_id IS NOT NULL ORDER BY 1) AS sources
                FROM begun, wanted""", id=batch_id).one()

    def _bound(self, batch_id: UUID) -> dict[str, str | None]:
        with self.engine.connect() as connection:
            rows = run(connection, "SELECT payment_id, provider_id FROM payment WHERE batch_id = :id", id=batch_id)
            return {str(row.payment_id): row.provider_id for row in rows}

    def _of_batch(self, lines: Iterable[dict[str, Any]], batch_id: str) -> list[dict[str, Any]]:
        """The lines of this batch, and the lines that no batch of ours explains."""
        with self.engine.connect() as connection:
            batches = {str(r.batch_id) for r in run(connection, "SELECT batch_id FROM batch")}
        return [line for line in lines if (named := str((line.get("metadata") or {}).get("batch_id", ""))) == batch_id or named not in batches]

    def _read_accounts(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Accounts and their holders as the provider shows them, by list pages where many are new to us."""
        wanted = {str(line[side]) for line in lines for side in ("source", "destination")} - set(self.accounts)
        self._read("/accounts", wanted, self.accounts)
        holders = {str(self.accounts[a]["holder_id"]) for line in lines for a in (str(line["destination"]),) if a in self.accounts}
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
            into[one] = slim(self.reader.get(f"{path}/{one}"))

    def _line(self, run_id: UUID, batch_id: UUID, begun: Row[Any], number: int, line: Mapping[str, Any]) -> StatementLine:
        metadata = line.get("metadata") or {}
        source, destination = self.accounts[str(line["source"])], self.accounts[str(line["destination"])]
        holder = self.entities.get(str(destination["holder_id"]), {})
        return StatementLine(
            event_id=uuid5(run_id, f"line-{number}"), occurred_at=begun.at, correlation=str(batch_id), run_id=run_id, batch_id=batch_id, line=number,
            provider_payment_id=str(line["id"]), payment_id=str(metadata.get("payment_id", "")), attempt=int(metadata.get("attempt", 0) or 0),
            provider_status=str(line["status"]), amount_cents=int(line["amount"]), source_routing=str(source.get("routing", "")),
            source_last4=str(source.get("last4", "")), employee_id=str(holder.get("employee_id", "")), person_index=str(holder.get("person_index", "")),
            merchant_id=str(destination.get("mch_id", "")), loan_last4=str(destination.get("last4", "")))

    def cancel_surplus(self, lines: Iterable[Mapping[str, Any]], bound: Mapping[str, str | None]) -> None:
        """Defence in depth: a payment alive twice at the provider loses the one we did not adopt, while it can still be cancelled."""
        for twice in duplicates(lines, {k: v for k, v in bound.items() if v}):
            for surplus in twice.surplus:
                with self.engine.begin() as connection:
                    store.flag(connection, UUID(twice.payment_id), "duplicate", f"{surplus} beside {twice.bound}")
                log.error("duplicate_at_provider", payment_id=twice.payment_id)
                if twice.bound == bound.get(twice.payment_id):
                    answer = self.reader.call("DELETE", f"/payments/{surplus}")
                    with self.engine.begin() as connection:
                        store.flag(connection, UUID(twice.payment_id), "duplicate_cancel", f"{surplus}: {answer.status} {answer.sub_type}")

    def search_duplicates(self) -> bool:
        """List what was made today for batches being paid, and cancel what is there twice; every few minutes."""
        if time.monotonic() - self.searched_at < self.timing.duplicates_every_s:
            return False
        self.searched_at = time.monotonic()
        with self.engine.connect() as connection:
            due = run(connection, """
                SELECT b.batch_id, ARRAY(SELECT DISTINCT o.provider_id FROM payment p JOIN object o ON o.object_id = p.source_object
                                         WHERE p.batch_id = b.batch_id AND o.provider_id IS NOT NULL) AS sources,
                       (SELECT max(a.provider_date) FROM attempt a WHERE a.kind = 'payment') AS today
                FROM batch b WHERE b.state = 'paying' AND b.status IN ('approved', 'paying', 'paused')""").all()
        for batch in due:
            bound = self._bound(batch.batch_id)
            try:
                for source in batch.sources:
                    lines, _ = self.reader.all("/payments", {"source": source, **since(batch.today)})
                    self.cancel_surplus([line for line in lines if str((line.get("metadata") or {}).get("payment_id", "")) in bound], bound)
            except Unreachable:
                return False
        return False


def slim(line: Mapping[str, Any]) -> dict[str, str]:
    """Of an account or entity of the provider only what a statement needs; full numbers are not kept."""
    ach, liability, metadata = line.get("ach") or {}, line.get("liability") or {}, line.get("metadata") or {}
    return {"holder_id": str(line.get("holder_id", "")), "routing": str(ach.get("routing", "")), "mch_id": str(liability.get("mch_id", "")),
            "last4": str(ach.get("number", ""))[-4:] or str(liability.get("mask", "")), "employee_id": str(metadata.get("employee_id", "")),
            "person_index": str(metadata.get("person_index", ""))}
