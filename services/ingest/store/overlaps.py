"""Rows that a batch shares with other live batches of its pay period, counted from `batch_row`."""

from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.batch import NOT_LIVE, Batch
from services.ingest.domain.batch_warnings import Overlap
from services.ingest.store.claimed_days import DAYS_OF_BATCH, GIVEN_DAYS

OVERLAPS_MAX: Final = 20
LONGEST_PERIOD_DAYS: Final = 31


def find_overlaps(connection: Connection, batch: Batch) -> list[Overlap]:
    """Find the live batches of other families that share rows with this one, the largest first.

    Shared are rows of one person, loan and source account, however they are spelled, in batches
    whose periods have a day in common.

    At most `OVERLAPS_MAX`. Rows that are refused in either batch, or excluded in the other one,
    are not paid twice and do not count. Accounts are compared, not payor ids.

    The rows of all these batches are read once and grouped by what makes a payment, so that no
    plan can become slow for lack of statistics.
    """
    others = _list_other_live_batches(connection, batch)
    if not others:
        return []
    found = run(
        connection,
        """
        WITH shared AS (
            SELECT count(*) FILTER (WHERE r.batch_id = :id) AS rows,
                sum(r.amount_cents) FILTER (WHERE r.batch_id = :id) AS cents,
                count(*) FILTER (WHERE r.batch_id = :id AND r.status = 'payable')
                    AS payable_rows,
                sum(r.amount_cents) FILTER (WHERE r.batch_id = :id AND r.status = 'payable')
                    AS payable_cents,
                array_agg(DISTINCT r.batch_id) FILTER (WHERE r.batch_id <> :id) AS others
            FROM batch_row r
            JOIN batch_source s
                ON s.batch_id = r.batch_id AND s.source_account_id = r.source_account_id
            WHERE (r.batch_id = :id AND r.status <> 'refused')
                OR (r.batch_id = ANY(CAST(:others AS uuid[]))
                    AND r.status NOT IN ('refused', 'excluded'))
            GROUP BY r.person_key, r.loan_key, s.ein, s.account_index
            HAVING count(DISTINCT r.batch_id) > 1
        )
        SELECT b.batch_id, b.status,
            sum(s.rows)::int AS rows,
            sum(s.cents)::bigint AS amount_cents,
            sum(s.payable_rows)::int AS payable_rows,
            coalesce(sum(s.payable_cents), 0)::bigint AS payable_cents
        FROM shared s
        CROSS JOIN unnest(s.others) AS o(batch_id)
        JOIN batch b USING (batch_id)
        WHERE s.rows > 0
        GROUP BY 1, 2
        ORDER BY 3 DESC, 1
        LIMIT :most""",
        id=batch.batch_id,
        others=others,
        most=OVERLAPS_MAX,
    )
    return [Overlap(**row) for row in found.mappings()]


def _list_other_live_batches(connection: Connection, batch: Batch) -> list[UUID]:
    return list(
        run(
            connection,
            f"""
            SELECT b.batch_id
            FROM batch b
            WHERE b.period BETWEEN CAST(:first AS date) - :longest AND CAST(:last AS date)
                AND {DAYS_OF_BATCH} && {GIVEN_DAYS}
                AND b.family_id <> :family AND b.status <> ALL(:not_live)""",  # noqa: S608 - our own text
            first=batch.period,
            last=batch.last_day,
            longest=LONGEST_PERIOD_DAYS,
            family=batch.family_id,
            not_live=list(NOT_LIVE),
        ).scalars()
    )
