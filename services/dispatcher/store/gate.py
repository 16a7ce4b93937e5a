"""The rows that the gate decides over, locked in the transaction of the intent."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.dispatcher.domain.gate import Gate
from services.dispatcher.store import kill_switch, refused_sources, source_stops
from services.dispatcher.store.batches import HAS_OPEN_PAYMENTS


def lock_gate(connection: Connection, walked: Collection[UUID], *, clock_known: bool) -> Gate:
    """Lock the kill switch and the batches under way FOR SHARE until the end of the transaction.

    Batches of which nothing can be sent any more are left alone.

    A pause, a cancel or the kill switch waits for this transaction; the next gate sees it.
    """
    engaged, quarantined = kill_switch.lock(connection)
    batches = run(
        connection,
        f"""
        SELECT b.batch_id, b.state
        FROM batch b
        WHERE b.state IN ('paying', 'paused') AND {HAS_OPEN_PAYMENTS}
        ORDER BY b.batch_id
        FOR SHARE OF b""",  # noqa: S608 - a condition of our own
    )
    return Gate(
        kill_switch=engaged,
        quarantined=quarantined,
        clock_known=clock_known,
        batch_states={row.batch_id: row.state for row in batches},
        walked=frozenset(walked),
        stopped_accounts=source_stops.list_accounts(connection),
        refused_sources=refused_sources.list_accounts(connection),
    )
