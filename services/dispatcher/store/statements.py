"""The `statement_*` columns of `batch`, and table `status_change`: which statements are due.

A statement must cover the newest `status_change` of its batch. Rows of that table are only
appended, so that workers do not wait for the batch's row.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.contracts.statuses import FINAL_PAYMENTS
from libs.common.crypto import message_signatures
from libs.common.database.engine import run
from services.dispatcher.domain.protocol import Timing


def insert_status_changes(connection: Connection, batch_ids: Iterable[UUID]) -> None:
    """Note status changes of payments, each by its batch. A second call notes them again."""
    counts: dict[str, int] = {}
    for batch_id in batch_ids:
        counts[str(batch_id)] = counts.get(str(batch_id), 0) + 1
    if counts:
        run(
            connection,
            """
            INSERT INTO status_change (batch_id, changes)
            SELECT *
            FROM unnest(CAST(:ids AS uuid[]), CAST(:counts AS int[]))""",
            ids=list(counts),
            counts=list(counts.values()),
        )


#: How often the wait after a statement that was cut short doubles at most.
DOUBLINGS = 5
# Batches that need a statement now; see `list_due`. A time in the future shows that the database's
# clock was set back since: then the wait after it is over.
DUE = """
    SELECT b.batch_id
    FROM batch b
    JOIN LATERAL (
        SELECT change_id AS newest, at
        FROM status_change
        WHERE batch_id = b.batch_id
        ORDER BY change_id DESC
        LIMIT 1
    ) last ON true
    JOIN LATERAL (
        SELECT at
        FROM status_change
        WHERE batch_id = b.batch_id
        ORDER BY change_id
        LIMIT 1
    ) first ON true
    JOIN LATERAL (
        SELECT CASE
                   WHEN b.statement_begun_at > now() + interval '1 minute' THEN '-infinity'
                   ELSE b.statement_begun_at
               END AS begun_at,
               last.at BETWEEN now() - make_interval(secs => :quiet_s)
                           AND now() + interval '1 minute' AS has_just_changed
    ) x ON true
    WHERE b.state <> 'waiting'
        AND b.payments > 0
        AND x.begun_at < now() - make_interval(secs => :quiet_s)
        AND (
            b.statement_wanted_by <> ''
            OR (
                b.statement_tries > 0
                AND x.begun_at < now() - make_interval(
                    secs => :again_s * power(2, least(b.statement_tries, :doublings + 1) - 1)
                )
            )
            OR (
                greatest(x.begun_at, first.at)
                    < now() - make_interval(secs => :nightly_s)
                AND last.at > now() - make_interval(secs => :watch_for_s)
            )
            OR (
                (
                    last.newest > b.statement_seq
                    OR (
                        b.status IN ('approved', 'paying', 'paused')
                        AND x.begun_at
                            < now() - make_interval(secs => :again_s)
                    )
                )
                AND NOT x.has_just_changed
                AND b.payments = (
                    SELECT count(*)
                    FROM payment p
                    WHERE p.batch_id = b.batch_id
                        AND p.status = ANY(CAST(:final AS text[]))
                )
            )
        )"""


def list_due(connection: Connection, timing: Timing) -> list[UUID]:
    """Return the batches that need a statement now.

    That is: a person asks; or the last one was not completed, and a wait that doubles from 10 to
    320 minutes is over; or a night has gone by, because a payment may turn up at the provider long
    after it was believed absent; or all payments are final and something changed since the last
    statement, or the batch is not closed yet.
    """
    return list(
        run(
            connection,
            DUE,
            again_s=timing.statement_again_s,
            doublings=DOUBLINGS,
            quiet_s=timing.quiet_s,
            nightly_s=timing.statement_nightly_s,
            watch_for_s=timing.watch_for_s,
            final=sorted(FINAL_PAYMENTS),
        ).scalars()
    )


def begin_statement(connection: Connection, batch_id: UUID) -> Row[Any]:
    """Begin the next statement of a batch; return its number and what it must cover.

    `covered` is the newest status change, `versions` the sum of the payments' versions.
    `from_date` is the provider's clock before the first attempt, None if that is not known.
    `approved_at` is by our clock, as `at` is. `sources` are the provider's ids of the source
    accounts. Each call begins another statement.
    """
    begun: Row[Any] = run(
        connection,
        """
        WITH covered AS (
            SELECT coalesce(max(change_id), 0) AS seq
            FROM status_change
            WHERE batch_id = :id
        ),
        begun AS (
            UPDATE batch
            SET statement_n = statement_n + 1, statement_begun_at = now(),
                statement_tries = statement_tries + 1
            WHERE batch_id = :id
            RETURNING statement_n, statement_wanted_by
        )
        SELECT begun.statement_n, begun.statement_wanted_by AS wanted_by,
               now() AS at, covered.seq AS covered,
               (
                   SELECT coalesce(sum(version), 0)
                   FROM payment
                   WHERE batch_id = :id
               ) AS versions,
               (
                   SELECT CASE
                       WHEN bool_and(a.provider_date IS NOT NULL) THEN min(a.provider_date)
                   END
                   FROM attempt a
                   JOIN payment p ON p.payment_id = a.subject_id
                   WHERE p.batch_id = :id
               ) AS from_date,
               (
                   SELECT CASE
                       WHEN bool_and(p.approved_at IS NOT NULL) THEN min(p.approved_at)
                   END
                   FROM payment p
                   WHERE p.batch_id = :id
               ) AS approved_at,
               ARRAY(
                   SELECT DISTINCT o.provider_id
                   FROM payment p
                   JOIN object o ON o.object_id = p.source_object
                   WHERE p.batch_id = :id AND o.provider_id IS NOT NULL
                   ORDER BY o.provider_id
               ) AS sources
        FROM begun, covered""",
        id=batch_id,
    ).one()
    return begun


def finish_statement(
    connection: Connection, batch_id: UUID, covered: int, wanted_by: str, *, is_complete: bool
) -> None:
    """Note what a statement covered, and that it answered `wanted_by`. Never moves back.

    One whose lists were not complete is taken again, as one that was cut short.
    """
    run(
        connection,
        """
        UPDATE batch
        SET statement_seq = greatest(statement_seq, :covered),
            statement_tries = CASE WHEN :is_complete THEN 0 ELSE statement_tries END,
            statement_wanted_by = CASE
                WHEN statement_wanted_by = :wanted_by THEN ''
                ELSE statement_wanted_by
            END
        WHERE batch_id = :id""",
        id=batch_id,
        covered=covered,
        wanted_by=wanted_by,
        is_complete=is_complete,
    )


def request_statements(connection: Connection, by: str, batch_id: UUID | None) -> list[UUID]:
    """Ask for a statement of one batch, or of all that have begun; return which will have one.

    A second call keeps the newest person.
    """
    return list(
        run(
            connection,
            """
            UPDATE batch
            SET statement_wanted_by = :by
            WHERE payments > 0
                AND state <> 'waiting'
                AND (batch_id = :id OR CAST(:id AS uuid) IS NULL)
            RETURNING batch_id""",
            by=by,
            id=batch_id,
        ).scalars()
    )


def write_numbers(connection: Connection, numbers: Iterable[tuple[UUID, int]]) -> None:
    """Set how many statements of each batch were begun; a smaller number changes nothing."""
    given = list(numbers)
    run(
        connection,
        """
        UPDATE batch b
        SET statement_n = x.n
        FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS int[])) AS x(batch_id, n)
        WHERE b.batch_id = x.batch_id AND b.statement_n < x.n""",
        ids=[str(batch_id) for batch_id, _ in given],
        numbers=[number for _, number in given],
    )


def list_duplicate_searches(connection: Connection) -> list[Row[Any]]:
    """Return the open batches with attempts: their sources, and from when on to search.

    `from_date` is the provider's clock before the first attempt, None if that is not known.
    `approved_at` is by our clock, which shows `our_now`.
    """
    return list(
        run(
            connection,
            """
            SELECT b.batch_id, now() AS our_now,
                   (
                       SELECT CASE
                           WHEN bool_and(p.approved_at IS NOT NULL) THEN min(p.approved_at)
                       END
                       FROM payment p
                       WHERE p.batch_id = b.batch_id
                   ) AS approved_at,
                   ARRAY(
                       SELECT DISTINCT o.provider_id
                       FROM payment p
                       JOIN object o ON o.object_id = p.source_object
                       WHERE p.batch_id = b.batch_id AND o.provider_id IS NOT NULL
                   ) AS sources,
                   found.from_date
            FROM batch b
            CROSS JOIN LATERAL (
                SELECT count(*) AS attempts,
                       CASE
                           WHEN bool_and(a.provider_date IS NOT NULL) THEN min(a.provider_date)
                       END AS from_date
                FROM attempt a
                JOIN payment p ON p.payment_id = a.subject_id
                WHERE p.batch_id = b.batch_id
            ) found
            WHERE b.state <> 'waiting'
                AND b.status IN ('approved', 'paying', 'paused')
                AND found.attempts > 0
            ORDER BY b.batch_id""",
        )
    )


def count_dead_letters(connection: Connection, batch_id: UUID) -> int:
    """Count a batch's messages that were rejected here and not redriven.

    While there are any, no statement shows that the batch is complete. Those refused for their
    signature do not count: anybody may have written them, about any batch.
    """
    count: int = run(
        connection,
        """
        SELECT count(*)
        FROM dead_letter
        WHERE correlation = :id AND redriven_at IS NULL
            AND code <> ALL(CAST(:refused AS text[]))""",
        id=str(batch_id),
        refused=list(message_signatures.CODES),
    ).scalar_one()
    return count
