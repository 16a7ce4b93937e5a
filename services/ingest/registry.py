"""Canonical keys of people and loans for rows that were read before there were any.

Keys need plaintext and the Unicode rules of `roster.canonical_ids`, which no migration has. So
they are filled when the service starts, before any file is read, and again before a batch is made
ready. An approval that finds rows without keys fails, and the batch is checked again.
"""

from typing import Any, Final

from sqlalchemy import Connection, Engine

from libs.common.messaging.consumer import Beat
from libs.common.observability.logs import log
from services.ingest.domain.batch import Batch
from services.ingest.encryption import FieldEncryption
from services.ingest.roster.canonical_ids import canonical_loan, canonical_person
from services.ingest.store import batches, canonical_keys

PAGE_ROWS: Final = 5_000


def fill_all(engine: Engine, encryption: FieldEncryption, beat: Beat = lambda: None) -> None:
    """Fill the keys of all batches, each in one transaction. A second call changes nothing."""
    while fill_next(engine, encryption):
        beat()


def fill_next(engine: Engine, encryption: FieldEncryption) -> bool:
    """Fill the keys of one batch: its rows, payments, people, loans and claimed days.

    The batch approved first comes first, so that it keeps the days that a second one had too.

    Returns:
        False when no row lacks its keys.
    """
    with engine.begin() as connection:
        batch_id = canonical_keys.find_batch_without_keys(connection)
        if batch_id is None:
            return False
        batch = batches.get_batch(connection, batch_id, lock=True)
        count = _fill_rows(connection, encryption, batch)
        lost = canonical_keys.carry_keys(connection, batch)
    log.info("keys_filled", batch_id=str(batch_id), count=count)
    if lost:
        log.warning("loans_approved_twice", batch_id=str(batch_id), count=lost)
    return True


def _fill_rows(connection: Connection, encryption: FieldEncryption, batch: Batch) -> int:
    count = 0
    while page := canonical_keys.list_rows_without_keys(connection, batch.batch_id, PAGE_ROWS):
        canonical_keys.set_row_keys(
            connection, [(row.row_id, *_keys(encryption, row)) for row in page]
        )
        count += len(page)
    return count


def _keys(encryption: FieldEncryption, row: Any) -> tuple[str, str]:  # row: of the database
    loan = encryption.decrypt(row.loan or "", "loan", str(row.row_id))
    return (
        canonical_person(row.employee_id),
        encryption.loan_key(row.institution_id, canonical_loan(loan)),
    )
