"""The tables `journal` and `entry`. The database's triggers keep `balance` equal to the entries."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from libs.common.contracts.errors import Reject
from libs.common.database.engine import run
from services.ledger.domain.journals import Entry, Journal, journal_id


class JournalRefused(Reject):
    """The database refused a journal, such as a second final one. Nothing was written."""

    code = "ledger.journal-refused"


def insert_journals(connection: Connection, journals: Sequence[Journal]) -> None:
    """Write journals with their entries, in one statement. The database accepts no other way.

    A second call with the same journal is refused like any other second one.

    Raises:
        JournalRefused: the database refused one of them. The caller rolls back.
    """
    try:
        run(
            connection,
            """
            WITH written AS (
                INSERT INTO journal (
                    journal_id, batch_id, payment_id, kind,
                    amount_cents, row_count, entry_count,
                    posted_at
                )
                SELECT *
                FROM unnest(
                    CAST(:ids AS uuid[]), CAST(:batch_ids AS uuid[]),
                    CAST(:payment_ids AS uuid[]), CAST(:kinds AS text[]),
                    CAST(:amounts_cents AS bigint[]), CAST(:row_counts AS int[]),
                    CAST(:entry_counts AS int[]),
                    CAST(:posted_ats AS timestamptz[])
                )
            )
            INSERT INTO entry (
                journal_id, n, batch_id, account, layer,
                amount_cents, row_count
            )
            SELECT *
            FROM unnest(
                CAST(:entry_journal_ids AS uuid[]), CAST(:entry_ns AS int[]),
                CAST(:entry_batch_ids AS uuid[]),
                CAST(:entry_accounts AS text[]), CAST(:entry_layers AS text[]),
                CAST(:entry_amounts_cents AS bigint[]), CAST(:entry_row_counts AS int[])
            )""",
            ids=[str(journal.journal_id) for journal in journals],
            batch_ids=[str(journal.batch_id) for journal in journals],
            payment_ids=[str(journal.payment_id) for journal in journals],
            kinds=[journal.kind for journal in journals],
            amounts_cents=[journal.amount_cents for journal in journals],
            row_counts=[journal.row_count for journal in journals],
            entry_counts=[len(journal.entries) for journal in journals],
            posted_ats=[journal.posted_at for journal in journals],
            **_entry_columns(journals),
        )
    except IntegrityError as error:
        raise JournalRefused(str(error.orig).splitlines()[0]) from None


def _entry_columns(journals: Sequence[Journal]) -> dict[str, list[Any]]:  # of several SQL types
    headers = [(str(journal.journal_id), str(journal.batch_id), journal) for journal in journals]
    entries = [
        (of_journal, n, batch_id, entry)
        for of_journal, batch_id, journal in headers
        for n, entry in enumerate(journal.entries, start=1)
    ]
    return {
        "entry_journal_ids": [of_journal for of_journal, _, _, _ in entries],
        "entry_ns": [n for _, n, _, _ in entries],
        "entry_batch_ids": [batch_id for _, _, batch_id, _ in entries],
        "entry_accounts": [entry.account for _, _, _, entry in entries],
        "entry_layers": [entry.layer for _, _, _, entry in entries],
        "entry_amounts_cents": [entry.amount_cents for _, _, _, entry in entries],
        "entry_row_counts": [entry.row_count for _, _, _, entry in entries],
    }


def find_holds(connection: Connection, payment_ids: Collection[UUID]) -> dict[UUID, Journal]:
    """The holds of these payments, with their entries in order."""
    entries: dict[UUID, list[Entry]] = {}
    headers = {}
    for row in run(
        connection,
        """
        SELECT
            j.payment_id, j.batch_id, j.posted_at,
            j.amount_cents AS journal_cents, j.row_count AS journal_rows,
            e.account, e.layer, e.amount_cents, e.row_count
        FROM journal j
        JOIN entry e USING (journal_id)
        WHERE j.journal_id = ANY(CAST(:ids AS uuid[]))
        ORDER BY j.journal_id, e.n""",
        ids=[str(journal_id(payment_id, "hold")) for payment_id in payment_ids],
    ):
        headers[row.payment_id] = row
        entries.setdefault(row.payment_id, []).append(
            Entry(row.account, row.layer, row.amount_cents, row.row_count)
        )
    return {
        payment_id: Journal(
            header.batch_id,
            payment_id,
            "hold",
            header.journal_cents,
            header.journal_rows,
            tuple(entries[payment_id]),
            header.posted_at,
        )
        for payment_id, header in headers.items()
    }
