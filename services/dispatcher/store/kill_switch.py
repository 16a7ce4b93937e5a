"""Table `kill_switch`: one row; while it is engaged nothing is sent to the provider."""

from typing import Any

from sqlalchemy import Connection, Row

from libs.common.database.engine import run


def engage(
    connection: Connection, engaged: bool, by: str, reason: str, *, by_approver: bool = False
) -> None:
    """Turn the kill switch on or off; a second call keeps the newest reason.

    It waits for every `gate`. A switch that an approver turned on stays an approver's, whoever
    turns it on again.
    """
    run(
        connection,
        """
        UPDATE kill_switch
        SET by_approver = :engaged AND (:by_approver OR engaged AND by_approver),
            engaged = :engaged, by_whom = :by, reason = :reason, at = now(),
            off_proposed_by = NULL""",
        by_approver=by_approver,
        engaged=engaged,
        by=by,
        reason=reason,
    )


def read(connection: Connection) -> dict[str, Any]:
    """Return the kill switch as people see it."""
    row = run(
        connection,
        """
        SELECT engaged AS on, by_whom, reason, at, by_approver, off_proposed_by
        FROM kill_switch""",
    )
    return dict(row.mappings().one())


def lock(connection: Connection) -> tuple[bool, bool]:
    """Return (whether the switch is engaged, whether a restore waits for its release).

    The switch is locked FOR SHARE until the end of the transaction.
    """
    row = run(
        connection,
        """
        SELECT engaged, EXISTS (SELECT FROM restored WHERE released_at IS NULL) AS quarantined
        FROM kill_switch
        FOR SHARE""",
    ).one()
    return bool(row.engaged), bool(row.quarantined)


def lock_for_order(connection: Connection) -> Row[Any]:
    """Lock the kill switch for an order; it waits for every `gate`."""
    row: Row[Any] = run(connection, "SELECT * FROM kill_switch FOR UPDATE").one()
    return row


def propose_off(connection: Connection, person: str) -> None:
    """Note who proposes to turn it off. A second call replaces the first."""
    run(connection, "UPDATE kill_switch SET off_proposed_by = :person", person=person)


def is_halted(connection: Connection) -> bool:
    """Whether nothing may be sent: the switch is engaged, or a restore waits for its release.

    The switch is locked FOR SHARE until the end of the transaction.
    """
    return any(lock(connection))


def is_engaged(connection: Connection) -> int:
    """Return 1 if the kill switch is engaged, else 0."""
    engaged: int = run(connection, "SELECT engaged::int FROM kill_switch").scalar_one()
    return engaged
