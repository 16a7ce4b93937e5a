"""Table `batch_source`: the source accounts of a batch, with their payors' addresses."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.approved_payments import PayingSource
from libs.common.database.engine import run
from services.ingest.domain.correction import CORRECTABLE, Correction
from services.ingest.store import bulk_copy


class StoredSource(NamedTuple):
    """A source account of a batch; `account` is encrypted."""

    batch_id: UUID
    source_account_id: str
    payor_name: str
    dba: str
    ein: str
    aba_routing: str
    account_last4: str
    account: str
    account_index: str
    line1: str
    city: str
    state: str
    zip: str


def insert_sources(connection: Connection, sources: Iterable[StoredSource]) -> None:
    """Insert the source accounts of a batch that has none."""
    bulk_copy.copy_rows(connection, "batch_source", StoredSource._fields, sources)


def list_sources(connection: Connection, batch_id: UUID) -> Sequence[Any]:
    """List the source accounts of a batch, with the addresses as they are after corrections."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT *
        FROM batch_source
        WHERE batch_id = :id
        ORDER BY source_account_id""",
        id=batch_id,
    ).all()
    return found


def list_paying(connection: Connection, batch_id: UUID) -> list[PayingSource]:
    """List the source accounts of a batch as the digest of its payments names them."""
    return [
        PayingSource(one.source_account_id, one.ein, one.aba_routing, one.account_index)
        for one in list_sources(connection, batch_id)
    ]


def change_ein(
    connection: Connection, batch_id: UUID, source_account_id: str, old: str, new: str
) -> bool:
    """Change the EIN of a source's payor. False: it is not the old one."""
    return bool(
        run(
            connection,
            """
            UPDATE batch_source
            SET ein = :new
            WHERE batch_id = :id AND source_account_id = :source AND ein = :old""",
            id=batch_id,
            source=source_account_id,
            old=old,
            new=new,
        ).rowcount
    )


def change_address(connection: Connection, batch_id: UUID, correction: Correction) -> bool:
    """Change one field of an address. False: it is not what the correction expects."""
    field = correction.field
    assert field in CORRECTABLE
    return bool(
        run(
            connection,
            f"""
            UPDATE batch_source
            SET {field} = :to_value
            WHERE batch_id = :id AND source_account_id = :source AND {field} = :from_value""",  # noqa: S608 - one of four column names
            id=batch_id,
            source=correction.source_account_id,
            from_value=correction.from_value,
            to_value=correction.to_value,
        ).rowcount
    )
