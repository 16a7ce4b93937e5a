"""Make an accounting export: every journal that moved money and is in no export yet.

What is chosen has no lower limit of days. So a journal that comes after its period was exported is
in the next export, and none is left out. It is posted on the first day that is still open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from libs.common.contracts.errors import PaydownError
from services.ledger.domain.accounting import MappingError, MappingLine, check_mapping, lines_of
from services.ledger.store import accounting

SPACE = UUID("a0a4f5f7-9c7e-4a0f-8a5a-5f6f5d0f2c11")


class ExportRefused(PaydownError):
    """No export was made."""

    code = "export.state"


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """Who asks for an export, of one batch or of every batch through a day in UTC.

    Args:
        last_number: the highest number that the person's books have of earlier exports. It is
            asked for when the database was restored from a backup since the newest export.
    """

    person: str
    batch_id: UUID | None = None
    through: date | None = None
    last_number: int | None = None


def make_export(engine: Engine, order: ExportOrder, today: date) -> UUID:
    """Make an export; its id.

    Raises:
        ExportRefused: there is nothing to export, no mapping, or another reason in words.
    """
    if (order.batch_id is None) == (order.through is None):
        raise ExportRefused("Name either a batch or the last day.")
    if order.through is not None and order.through >= today:
        raise ExportRefused("The last day must be over in UTC; journals may still come today.")
    snapshot = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    try:
        with snapshot as connection, connection.begin():
            return _export(connection, order)
    except IntegrityError:
        raise ExportRefused(
            "Somebody else exported some of these journals at the same moment. Nothing was done. "
            "Look at the list of exports."
        ) from None


def _export(connection: Connection, order: ExportOrder) -> UUID:
    newest = accounting.newest_export(connection)
    last = 0 if newest is None else newest.number
    _check_restored(connection, order, last, None if newest is None else newest.made_at)
    mapping = accounting.read_mapping(connection)
    if mapping is None:
        raise ExportRefused("No account is mapped yet. Say first where the accounts go.")
    head, postings = accounting.sum_open(connection, order.batch_id, order.through)
    if head.journals == 0:
        raise ExportRefused("Every journal of that is in an export already; nothing was done.")
    closed = accounting.closed_through(connection)
    try:
        lines = lines_of(
            postings,
            [MappingLine(**line) for line in mapping.lines],
            None if closed is None else closed + timedelta(days=1),
        )
    except MappingError as error:
        raise ExportRefused(str(error)) from None
    export_id = uuid5(SPACE, str(last + 1))
    accounting.insert_export(
        connection,
        accounting.Export(
            export_id=export_id,
            number=last + 1,
            batch_id=order.batch_id,
            through=order.through,
            mapping_version=mapping.version,
            journals=head.journals,
            amount_cents=head.cents,
            first_day=head.first_day,
            last_day=head.last_day,
            lines=lines,
            made_by=order.person,
        ),
    )
    return export_id


def _check_restored(
    connection: Connection, order: ExportOrder, last: int, made_at: datetime | None
) -> None:
    """Refuse to export twice what an export that a restore has lost had already.

    Exports are made here and are on no topic, so a restored database does not know those that were
    made after its backup.
    """
    held, released_at = accounting.restored_at(connection)
    if held:
        raise ExportRefused("The database was restored. Two people must release it first.")
    if released_at is None or (made_at is not None and made_at > released_at):
        return
    if order.last_number is None:
        raise ExportRefused(
            "The database was restored from a backup since the newest export. Say which number the "
            "last export in your accounting system has: 0 if it has none."
        )
    if order.last_number != last:
        raise ExportRefused(
            f"The newest export here has the number {last}, your books have {order.last_number}. "
            "The exports between were lost with the database; what they had would be exported "
            "twice. Take them out of the accounting system first, and name the number then."
        )


def save_mapping(
    engine: Engine, base: int, lines: Sequence[MappingLine], person: str, reason: str
) -> int:
    """Add a version of the mapping after version `base`; its number.

    Raises:
        MappingError: an account has no place, or two.
        ExportRefused: somebody else has changed the mapping since.
    """
    check_mapping(lines)
    try:
        with engine.begin() as connection:
            newest = accounting.read_mapping(connection)
            if (newest.version if newest else 0) != base:
                raise ExportRefused("Somebody else has changed the mapping. Look at it again.")
            accounting.insert_mapping(connection, base + 1, lines, person, reason)
    except IntegrityError:
        raise ExportRefused("Somebody else has changed the mapping. Look at it again.") from None
    return base + 1
