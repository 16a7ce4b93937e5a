"""Statements: the provider's own list of a batch's payments, published for the ledger to judge."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, Engine, Row

from libs.common.contracts.events.provider import StatementClosed, StatementLine
from libs.common.messaging import outbox
from libs.common.observability.logs import log
from services.dispatcher.domain.clocks import list_from
from services.dispatcher.domain.duplicates import Line, name_bound_lines, payment_id_of
from services.dispatcher.domain.protocol import Timing
from services.dispatcher.handlers import statement_run_id
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.provider.reader import Reader, since
from services.dispatcher.store import batches, duplicates, payments, statements
from services.dispatcher.store.transaction import now
from services.dispatcher.tracking.binding import find_line_batches
from services.dispatcher.tracking.duplicates import DuplicateDetector

CHUNK = 2_000
SINGLE_READS = 20  # more accounts than these are read by list pages
PAGE_LINES = 100


class StatementTaker:
    """Takes the statements that are due."""

    def __init__(
        self, engine: Engine, reader: Reader, timing: Timing, detector: DuplicateDetector
    ) -> None:
        self.engine, self.reader, self.timing, self.detector = engine, reader, timing, detector
        # As read from the provider. Holder, merchant and mask never change there.
        self.accounts: dict[str, Mapping[str, str]] = {}
        self.entities: dict[str, Mapping[str, str]] = {}

    def take(self) -> bool:
        """Take one statement of every batch that needs one; whether any was taken."""
        with self.engine.connect() as connection:
            due = statements.list_due(connection, self.timing)
        for batch_id in due:
            try:
                self._take(batch_id)
            except Unreachable as error:
                status = error.answer.status
                log.warning("statement_cut_short", batch_id=str(batch_id), status=status)
                return False
        return bool(due)

    def _take(self, batch_id: UUID) -> None:
        """Take one statement. One that is cut short is taken again, under the next number."""
        with self.engine.begin() as connection:
            begun = statements.begin_statement(connection, batch_id)
        run_id = statement_run_id(batch_id, begun.statement_n)
        listed, pages, complete = self._read_payments(begun)
        lines = self._select_lines(listed, str(batch_id))
        self._read_accounts(lines)
        self.detector.resolve(lines, batch_id)
        with self.engine.connect() as connection:
            ours = payments.list_snapshots(connection, batch_id)
        named = name_bound_lines(lines, ours)
        for at in range(0, len(named), CHUNK):
            events = [
                self._line_event(run_id, batch_id, begun, number, line)
                for number, line in enumerate(named[at : at + CHUNK], start=at + 1)
            ]
            with self.engine.begin() as connection:
                outbox.add(connection, events)
        with self.engine.begin() as connection:
            closed = closing_event(connection, run_id, batch_id, begun, lines, pages, complete)
            outbox.add(connection, [closed])
            statements.finish_statement(
                connection, batch_id, begun.covered, begun.wanted_by, is_complete=complete
            )

    def _read_payments(self, begun: Row[Any]) -> tuple[list[dict[str, Any]], int, bool]:
        """Read the list of every source account; return (lines, pages, complete)."""
        lines: list[dict[str, Any]] = []
        pages, complete = 0, True
        provider_now = self.reader.provider.clocks.now().provider
        begin = list_from(begun.approved_at, begun.from_date, begun.at, provider_now)
        for source in begun.sources:
            params = {"source": source, **since(begin)}
            found, whole = self.reader.all("/payments", params)
            lines += found
            pages += len(found) // PAGE_LINES + 1
            complete = complete and whole
        return lines, pages, complete

    def _select_lines(self, lines: Iterable[dict[str, Any]], batch_id: str) -> list[dict[str, Any]]:
        """Return the lines of this batch, and those that belong to no batch of ours."""
        listed = list(lines)
        with self.engine.connect() as connection:
            ours = batches.list_batch_ids(connection)
            named = find_line_batches(connection, listed)
        return [
            line
            for line in listed
            if named[str(line["id"])] == batch_id or named[str(line["id"])] not in ours
        ]

    def _read_accounts(self, lines: Sequence[Line]) -> None:
        """Read the accounts of these payments and their holders, as the provider shows them."""
        wanted = {str(line.get(side)) for line in lines for side in ("source", "destination")}
        self._read("/accounts", wanted - set(self.accounts), self.accounts)
        destinations = {str(line.get("destination")) for line in lines} & set(self.accounts)
        holders = {self.accounts[account]["holder_id"] for account in destinations} - {""}
        self._read("/entities", holders - set(self.entities), self.entities)

    def _read(self, path: str, wanted: set[str], into: dict[str, Mapping[str, str]]) -> None:
        missing = set(wanted)
        if len(missing) > SINGLE_READS:
            for page in self.reader.walk(path, {}):
                for line in page.lines:
                    into[str(line["id"])] = account_details(line)
                    missing.discard(str(line["id"]))
                if not missing:
                    return
        for one in sorted(missing):
            try:
                into[one] = account_details(self.reader.get(f"{path}/{one}"))
            except Unreachable as error:
                if error.answer.status != 404:
                    raise
                # Of a payment that is not ours. The ledger finds that it is not the approved one.
                into[one] = account_details({})

    def _line_event(
        self, run_id: UUID, batch_id: UUID, begun: Row[Any], number: int, line: Line
    ) -> StatementLine:
        metadata = line.get("metadata") or {}
        source = self.accounts[str(line.get("source"))]
        destination = self.accounts[str(line.get("destination"))]
        holder = self.entities.get(destination["holder_id"], {})
        return StatementLine(
            event_id=uuid5(run_id, f"line-{number}"),
            occurred_at=begun.at,
            correlation=str(batch_id),
            run_id=run_id,
            batch_id=batch_id,
            line=number,
            provider_payment_id=str(line["id"]),
            payment_id=payment_id_of(line),
            attempt=attempt_number(metadata.get("attempt")),
            provider_status=str(line.get("status")),
            amount_cents=amount_cents(line),
            source_routing=source.get("routing", ""),
            source_last4=source.get("last4", ""),
            employee_id=holder.get("employee_id", ""),
            person_index=holder.get("person_index", ""),
            merchant_id=destination.get("mch_id", ""),
            loan_last4=destination.get("last4", ""),
        )


def closing_event(
    connection: Connection,
    run_id: UUID,
    batch_id: UUID,
    begun: Row[Any],
    lines: Sequence[Line],
    pages: int,
    complete: bool,
) -> StatementClosed:
    """Return the event that ends a statement. Without it the ledger judges no line."""
    return StatementClosed(
        event_id=uuid5(run_id, "closed"),
        occurred_at=now(connection),
        correlation=str(batch_id),
        run_id=run_id,
        batch_id=batch_id,
        complete=complete,
        pages=pages,
        lines=len(lines),
        amount_cents=sum(amount_cents(line) for line in lines),
        from_at=min(at for at in (begun.approved_at, begun.from_date, begun.at) if at),
        begun_at=begun.at,
        requested_by=begun.wanted_by,
        final_versions=begun.versions,
        dead_letters=statements.count_dead_letters(connection, batch_id),
        undecided_duplicates=duplicates.count_open(connection, batch_id),
        decided_duplicates=tuple(duplicates.list_decided(connection, batch_id)),
    )


def attempt_number(given: object) -> int:
    """Return a number from metadata, 0 for anything else: other clients write there as well."""
    text = str(given)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def amount_cents(line: Line) -> int:
    """Return a line's amount, 0 if it shows none."""
    amount = line.get("amount")
    return amount if isinstance(amount, int) else 0


def account_details(line: Line) -> dict[str, str]:
    """Return what a statement needs of an account or entity; full numbers are not kept."""
    ach, liability = line.get("ach") or {}, line.get("liability") or {}
    metadata = line.get("metadata") or {}
    return {
        "holder_id": str(line.get("holder_id", "")),
        "routing": str(ach.get("routing", "")),
        "mch_id": str(liability.get("mch_id", "")),
        "last4": str(ach.get("number", ""))[-4:] or str(liability.get("mask", "")),
        "employee_id": str(metadata.get("employee_id", "")),
        "person_index": str(metadata.get("person_index", "")),
    }
