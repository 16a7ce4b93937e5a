"""Table `source_stop`: source accounts from which nothing is paid until a person resumes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.statuses import CERTIFIED_BATCHES
from libs.common.database.engine import run
from services.dispatcher.store import batches, source_refusals, sources


@dataclass(frozen=True)
class SourceStop:
    """A source account that stops, by its blind index, and why; or every one of its holder."""

    account_index: str
    reason_code: str
    reason: str
    whole_holder: bool = False


def insert_stops(connection: Connection, stops: Sequence[SourceStop]) -> None:
    """Stop source accounts; one that is stopped already keeps its first reason."""
    run(
        connection,
        """
        INSERT INTO source_stop (account_index, reason_code, reason)
        SELECT *
        FROM unnest(CAST(:indexes AS text[]), CAST(:codes AS text[]), CAST(:reasons AS text[]))
        ON CONFLICT DO NOTHING""",
        indexes=[s.account_index for s in stops],
        codes=[s.reason_code for s in stops],
        reasons=[s.reason for s in stops],
    )


def stop_sources(connection: Connection, stops: Sequence[SourceStop]) -> None:
    """Stop source accounts, and publish it with their batches.

    A second call keeps the first reasons and publishes again. All stops of one transaction come in
    one call: batches are locked in the order of their ids, so that no two transactions wait for
    each other.
    """
    if not stops:
        return
    by_account = {stop.account_index: stop for stop in reversed(stops)}  # the first reason stays
    for stop in stops:
        if stop.whole_holder:
            for index in _accounts_of_same_holder(connection, stop.account_index):
                by_account.setdefault(index, replace(stop, account_index=index))
    insert_stops(connection, [by_account[index] for index in sorted(by_account)])
    stopped = run(connection, "SELECT account_index FROM source_stop").scalars().all()
    announce_batches(connection, stopped)


def _accounts_of_same_holder(connection: Connection, account_index: str) -> set[str]:
    return set(
        run(
            connection,
            """
            SELECT number_index
            FROM object
            WHERE kind = 'ach'
                AND holder_id IN (
                    SELECT holder_id
                    FROM object
                    WHERE kind = 'ach' AND number_index = :account_index
                )""",
            account_index=account_index,
        ).scalars()
    )


def release_sources(connection: Connection, batch_id: UUID) -> list[str]:
    """Let the stopped sources of a batch pay again; return them. A second call finds none.

    A source with a duplicate that nobody has decided yet stays stopped.
    """
    released = list(
        run(
            connection,
            """
            DELETE FROM source_stop
            WHERE account_index IN (SELECT account_index FROM source WHERE batch_id = :id)
                AND account_index NOT IN (
                    SELECT account_index FROM duplicate WHERE decided_at IS NULL
                )
            RETURNING account_index""",
            id=batch_id,
        ).scalars()
    )
    source_refusals.delete_refusals(connection, released)
    return released


def announce_batches(connection: Connection, account_indexes: Sequence[str]) -> None:
    """Publish again the batches under way that pay from one of these accounts."""
    for batch_id in sources.list_batches_under_way(connection, account_indexes):
        batches.announce(connection, batch_id)


def list_accounts(connection: Connection) -> frozenset[str]:
    """Return the stopped source accounts, by their blind indexes."""
    return frozenset(run(connection, "SELECT account_index FROM source_stop").scalars())


def count_stopped(connection: Connection) -> int:
    """Count the source accounts from which nothing is paid: stopped, or refused by the provider.

    Only accounts of which a batch has not ended. The others stop nothing now; they are shown again
    with the next batch that pays from them.
    """
    count: int = run(
        connection,
        """
        SELECT count(*)
        FROM (
            SELECT account_index FROM source_stop
            UNION
            SELECT account_index FROM refused_source
        ) t
        WHERE EXISTS (
            SELECT
            FROM source s
            JOIN batch b USING (batch_id)
            WHERE s.account_index = t.account_index AND b.status <> ALL(CAST(:ended AS text[]))
        )""",
        ended=sorted(CERTIFIED_BATCHES),
    ).scalar_one()
    return count
