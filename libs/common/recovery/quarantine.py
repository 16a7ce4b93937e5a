"""The table `restored`: a database that came back from a backup is quarantined.

A service decides nothing on a quarantined database. The quarantine ends when everything that can
be recovered is recovered and two people release the database.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy import Connection, Engine, Row

from libs.common.contracts.errors import PaydownError
from libs.common.contracts.two_person import next_step
from libs.common.database.engine import run
from libs.common.messaging import outbox
from libs.common.observability.logs import log

RECOVERY_LOCK = 7_030_102
RECOVERED = "Everything that can be recovered has been recovered."


class NotRecovered(PaydownError):
    """The database is not quarantined, or not yet recovered. Nothing was changed."""

    code = "restored.not-now"


def exists(connection: Connection) -> bool:
    """Whether this database has the table; one on which nothing rests has none."""
    return run(connection, "SELECT to_regclass('restored')").scalar() is not None


def find_open(connection: Connection) -> Row[tuple[object, ...]] | None:
    """The open quarantine; None if the database is in use."""
    row: Row[tuple[object, ...]] | None = run(
        connection, "SELECT * FROM restored WHERE released_at IS NULL"
    ).first()
    return row


def find_newest(connection: Connection) -> Row[tuple[object, ...]] | None:
    """The newest quarantine, open or released; None if there never was one."""
    row: Row[tuple[object, ...]] | None = run(
        connection, "SELECT * FROM restored ORDER BY restored_id DESC LIMIT 1"
    ).first()
    return row


def start(connection: Connection, why: str) -> None:
    """Quarantine this database until two people release it.

    A second call keeps the first reason, and everything is recovered once more: the database may
    be yet another copy.
    """
    run(
        connection,
        """
        INSERT INTO restored (why, first_outbox_id)
        VALUES (:why, :first_outbox_id)
        ON CONFLICT ((true)) WHERE released_at IS NULL
        DO UPDATE SET settled_at = NULL, proposed_by = NULL""",
        why=why,
        first_outbox_id=outbox.last_id(connection),
    )


def report_progress(engine: Engine, progress: str) -> None:
    """Show people how far the recovery is, as one sentence."""
    log.info("recovery_progress", outcome=progress)
    with engine.begin() as connection:
        run(
            connection,
            "UPDATE restored SET progress = :progress WHERE released_at IS NULL",
            progress=progress,
        )


def mark_recovered(engine: Engine) -> None:
    """Everything is recovered: from now on two people may release the database.

    A second call changes nothing.
    """
    with engine.begin() as connection:
        run(
            connection,
            """
            UPDATE restored
            SET settled_at = coalesce(settled_at, now()),
                progress = :progress
            WHERE released_at IS NULL""",
            progress=RECOVERED,
        )


def release(
    connection: Connection,
    person: str,
    reason: str,
    *,
    approver: bool,
    counts_as: Collection[str] = (),
) -> Literal["proposed", "released"]:
    """Propose or confirm that a quarantined database is used again.

    The first person proposes. Another one, an approver, confirms. A second call by the person
    who proposed changes nothing.

    Raises:
        NotRecovered: the database is not quarantined, or its recovery is not complete.
        NotAllowed: another person, an approver, must confirm.
    """
    row = run(connection, "SELECT * FROM restored WHERE released_at IS NULL FOR UPDATE").first()
    if row is None:
        raise NotRecovered("This database is not quarantined.")
    if row.settled_at is None:
        raise NotRecovered("What this database has lost is still being recovered.")
    step = next_step(person, row.proposed_by, is_approver=approver, counts_as=counts_as)
    if step == "propose":
        run(
            connection,
            "UPDATE restored SET proposed_by = :person WHERE restored_id = :id",
            person=person,
            id=row.restored_id,
        )
    if step != "confirm":
        return "proposed"
    run(
        connection,
        """
        UPDATE restored
        SET released_by = :person,
            reason = :reason,
            released_at = now()
        WHERE restored_id = :id""",
        person=person,
        reason=reason,
        id=row.restored_id,
    )
    log.warning("database_released", actor=person)
    return "released"


@contextmanager
def recovery_lock(engine: Engine) -> Iterator[bool]:
    """Hold the lock of the one replica that recovers; gives False if another one has it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        mine = bool(
            run(connection, "SELECT pg_try_advisory_lock(:lock)", lock=RECOVERY_LOCK).scalar()
        )
        try:
            yield mine
        finally:
            if mine:
                run(connection, "SELECT pg_advisory_unlock(:lock)", lock=RECOVERY_LOCK)
