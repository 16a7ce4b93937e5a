"""Table `kill_switch`: one row; while it is engaged nothing is sent to the provider."""

from typing import Any

from sqlalchemy import Connection

from libs.common.database.engine import run


def engage(connection: Connection, engaged: bool, by: str, reason: str) -> None:
    """Turn the kill switch on or off; a second call keeps the newest reason.

    It waits for every `gate`.
    """
    run(
        connection,
        """
        UPDATE kill_switch
        SET engaged = :engaged, by_whom = :by, reason = :reason, at = now()""",
        engaged=engaged,
        by=by,
        reason=reason,
    )


def read(connection: Connection) -> dict[str, Any]:
    """Return the kill switch as people see it."""
    row = run(connection, "SELECT engaged AS on, by_whom, reason, at FROM kill_switch")
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


def is_halted(connection: Connection) -> bool:
    """Whether nothing may be sent: the switch is engaged, or a restore waits for its release.

    The switch is locked FOR SHARE until the end of the transaction.
    """
    return any(lock(connection))


def is_engaged(connection: Connection) -> int:
    """Return 1 if the kill switch is engaged, else 0."""
    engaged: int = run(connection, "SELECT engaged::int FROM kill_switch").scalar_one()
    return engaged
