"""What decisions and amendments have in common: they are taken back, and recovered."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.amendment import Amendment
from services.ingest.domain.decision import Decision

Made = TypeVar("Made", Decision, Amendment)


def withdraw(
    connection: Connection, made: Decision | Amendment, person: str, now: datetime
) -> None:
    """Take one back. Its rows are free for another one; it is kept with who did it."""
    table = "amendment" if isinstance(made, Amendment) else "decision"
    run(
        connection,
        f"""
        UPDATE {table}
        SET withdrawn_by = :person, withdrawn_at = :now
        WHERE decision_id = :id""",  # noqa: S608 - one of two tables of our own
        id=made.decision_id,
        person=person,
        now=now,
    )
    run(
        connection,
        f"""
        UPDATE {table}_row
        SET standing = false
        WHERE decision_id = :id AND standing""",  # noqa: S608 - one of two tables of our own
        id=made.decision_id,
    )


def recover(
    connection: Connection,
    here: Sequence[Made],
    published: Sequence[Made],
    insert: Callable[[Connection, Made], None],
    by: tuple[str, datetime],
) -> None:
    """Make those of a batch the published ones. A second call changes nothing.

    One that stands here and was never published was lost, and work went on without it.

    Args:
        here: all of the batch in this database.
        by: who takes lost ones back, in the records, and when.
    """
    known = {one.decision_id: one for one in here}
    for decision_id in known.keys() - {one.decision_id for one in published}:
        if known[decision_id].withdrawn_by is None:
            withdraw(connection, known[decision_id], *by)
    for one in published:
        stored = known.get(one.decision_id)
        if stored is None:
            insert(connection, one)
        elif stored.withdrawn_by is None and one.withdrawn_by and one.withdrawn_at:
            withdraw(connection, one, one.withdrawn_by, one.withdrawn_at)
