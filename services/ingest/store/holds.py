"""Table `hold`: people, loans, branches and sources that are not paid on some days.

At most one hold of each stands on a day (constraint `days_are_held_once`).
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from libs.common.contracts.events.holds import HoldChanged
from libs.common.database.engine import run
from libs.common.messaging import outbox
from services.ingest import handlers
from services.ingest.domain.batch import RUNNING, Batch
from services.ingest.domain.hold import Hold, HoldKind
from services.ingest.store.claimed_days import DAYS_OF_BATCH, GIVEN_DAYS, days_of
from services.ingest.store.newest_events import list_newest

EXCLUSION_VIOLATION: Final = "23P01"
#: The column of `batch_row` that the key of each kind of hold is compared with.
COLUMNS: Final[dict[HoldKind, str]] = {
    "person": "person_key",
    "loan": "loan_key",
    "branch": "branch_id",
    "source": "source_account_id",
}
#: The oldest hold under which a row `r` falls on a day of the batch, for a LATERAL join: it is
#: found by its key for each row (`&&` could be answered by the days of all holds instead), so no
#: plan can become slow for lack of statistics.
HELD: Final = f"""
    SELECT 'on hold (' || h.shown || ', set by ' || h.set_by || '): ' || h.reason AS reason
    FROM hold h
    WHERE h.lifted_at IS NULL AND NOT isempty(h.days * {GIVEN_DAYS})
        AND h.key = ANY(ARRAY[{", ".join(f"r.{column}" for column in COLUMNS.values())}])
        AND h.key = CASE h.kind
            {" ".join(f"WHEN '{kind}' THEN r.{column}" for kind, column in COLUMNS.items())}
        END
    ORDER BY h.set_at, h.hold_id
    LIMIT 1"""  # noqa: S608 - our own text
_HOLDS: Final = """
    SELECT hold_id, kind, key, shown, lower(days) AS first_day, upper(days) - 1 AS last_day,
        reason, evidence, set_by, set_at, lifted_by, lifted_at, lift_reason
    FROM hold"""


class AlreadyHeld(Exception):
    """The same person, loan, branch or source is held on one of the days already; roll back."""


def insert_hold(connection: Connection, hold: Hold) -> None:
    """Insert a hold, and publish it.

    Raises:
        AlreadyHeld: another one stands on one of its days; roll back.
    """
    try:
        write_hold(connection, hold)
    except IntegrityError as error:
        if getattr(error.orig, "pgcode", None) == EXCLUSION_VIOLATION:
            raise AlreadyHeld from error
        raise
    _publish(connection, hold)


def write_hold(connection: Connection, hold: Hold) -> None:
    """Write a hold as it is, without a message. One that is here already is only lifted."""
    run(
        connection,
        """
        INSERT INTO hold (
            hold_id, kind, key, shown, days, reason, evidence, set_by, set_at,
            lifted_by, lifted_at, lift_reason)
        VALUES (:hold_id, :kind, :key, :shown,
            daterange(CAST(:first AS date), CAST(:last AS date), '[]'), :reason, :evidence,
            :set_by, :set_at, :lifted_by, :lifted_at, :lift_reason)
        ON CONFLICT (hold_id) DO UPDATE
        SET lifted_by = excluded.lifted_by, lifted_at = excluded.lifted_at,
            lift_reason = excluded.lift_reason
        WHERE hold.lifted_at IS NULL AND excluded.lifted_at IS NOT NULL""",
        hold_id=hold.hold_id,
        kind=hold.kind,
        key=hold.key,
        shown=hold.shown,
        first=hold.first_day,
        last=hold.last_day,
        reason=hold.reason,
        evidence=hold.evidence,
        set_by=hold.set_by,
        set_at=hold.set_at,
        lifted_by=hold.lifted_by,
        lifted_at=hold.lifted_at,
        lift_reason=hold.lift_reason,
    )


def lift_hold(connection: Connection, hold: Hold) -> None:
    """Write that a hold was lifted, and publish it."""
    write_hold(connection, hold)
    _publish(connection, hold)


def _publish(connection: Connection, hold: Hold) -> None:
    outbox.add(connection, [handlers.hold_changed(hold)])


def find_hold(connection: Connection, hold_id: UUID) -> Hold | None:
    """Find a hold and lock it."""
    found = run(connection, f"{_HOLDS} WHERE hold_id = :id FOR UPDATE", id=hold_id).mappings()
    row = found.first()
    return None if row is None else Hold(**row)


def list_holds(
    connection: Connection, *, standing_only: bool, limit: int = 100, offset: int = 0
) -> tuple[list[Hold], int]:
    """List a page of holds, the newest first, and count all.

    Those that were lifted are listed too, unless `standing_only`.
    """
    where = "WHERE lifted_at IS NULL" if standing_only else ""
    total = run(connection, f"SELECT count(*) FROM hold {where}").scalar_one()  # noqa: S608 - ours
    found = run(
        connection,
        f"{_HOLDS} {where} ORDER BY set_at DESC, hold_id LIMIT :limit OFFSET :offset",
        limit=limit,
        offset=offset,
    ).mappings()
    return [Hold(**row) for row in found], int(total)


def find_affected(connection: Connection, hold: Hold) -> Sequence[Any]:
    """Find what a hold touches: rows and cents by batch, in batches that are open or being paid.

    Columns: batch_id, filename, status, rows and amount_cents that are payable or being paid, and
    held_rows, those that an open batch excludes for a hold.
    """
    found: Sequence[Any] = run(
        connection,
        f"""
        SELECT b.batch_id, b.filename, b.status,
            count(*) FILTER (WHERE {_IS_PAYABLE}) AS rows,
            coalesce(sum(r.amount_cents) FILTER (WHERE {_IS_PAYABLE}), 0)::bigint AS amount_cents,
            count(*) FILTER (WHERE r.reason_code = 'on_hold') AS held_rows
        FROM batch b
        JOIN batch_row r USING (batch_id)
        LEFT JOIN payment_row p ON p.row_id = r.row_id AND NOT p.released
        WHERE b.status = ANY(:statuses) AND r.{COLUMNS[hold.kind]} = :key
            AND {DAYS_OF_BATCH} && daterange(CAST(:first AS date), CAST(:last AS date), '[]')
        GROUP BY b.batch_id
        ORDER BY b.uploaded_at, b.batch_id""",  # noqa: S608 - our own text
        statuses=["checking", "ready", *RUNNING],
        key=hold.key,
        first=hold.first_day,
        last=hold.last_day,
    ).all()
    return found


_IS_PAYABLE: Final = """
    r.status = 'payable' AND (b.status IN ('checking', 'ready') OR p.row_id IS NOT NULL)"""


def count_payable_held(connection: Connection, batch: Batch) -> int:
    """Count the rows that a batch would pay though they fall under a hold."""
    number: int = run(
        connection,
        f"""
        SELECT count(*)
        FROM batch_row r
        CROSS JOIN LATERAL ({HELD}) h
        WHERE r.batch_id = :id AND r.status = 'payable'""",  # noqa: S608 - our own text
        **days_of(batch),
    ).scalar_one()
    return number


def count_excluded_unheld(connection: Connection, batch: Batch) -> int:
    """Count the rows that a batch excludes for a hold that was lifted since its check."""
    number: int = run(
        connection,
        f"""
        SELECT count(*)
        FROM batch_row r
        LEFT JOIN LATERAL ({HELD}) h ON true
        WHERE r.batch_id = :id AND r.status = 'excluded' AND r.reason_code = 'on_hold'
            AND h.reason IS NULL""",  # noqa: S608 - our own text
        **days_of(batch),
    ).scalar_one()
    return number


def recover_holds(connection: Connection, first: int) -> None:
    """Write the holds as they were published last. A second call changes nothing.

    Args:
        first: only events with a higher outbox id count: those recovered after a restore.
    """
    found = [handlers.published_hold(one) for one in list_newest(connection, first, HoldChanged)]
    # One that was lifted may have been followed by one of the same days.
    for hold in sorted(found, key=lambda one: one.lifted_at is None):
        write_hold(connection, hold)
