"""Table `object`: people, corporations and accounts at the provider, each made once and reused."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.database.engine import run
from services.dispatcher.domain.protocol import Timing
from services.dispatcher.store import payment_preparation
from services.dispatcher.store.due import has_come

LEASE_S = 60.0

# --- objects to create -------------------------------------------------------------------------


def lock_due(connection: Connection, limit: int, *, resends: bool) -> list[Row[Any]]:
    """Lock objects that are due to be created or sent again, holders before their accounts.

    Each has its holder's provider id, its open attempt, the sealed values it is made of,
    `unanswered`: how many of the attempt's sends have no answer that says they did not run, and
    `provider_date`: the provider's clock before the first send. The due ones are chosen first and
    the rest looked up for each: joined at once, tables without statistics were read whole.

    Args:
        resends: whether those that were sent before are wanted as well.
    """
    return list(
        run(
            connection,
            f"""
            WITH due AS MATERIALIZED (
                SELECT w.*
                FROM object w
                WHERE w.status IN ('unprocessed', 'sending', 'in_doubt')
                    AND {has_come("w.due_at")}
                    AND (
                        w.status = 'unprocessed'
                        OR (:resends AND w.step = 'resend' AND {has_come("w.lease_until")})
                    )
                    AND (
                        w.holder_id IS NULL
                        OR (SELECT h.status FROM object h WHERE h.object_id = w.holder_id)
                            = 'pending'
                    )
                ORDER BY w.due_at
                LIMIT :limit
                FOR UPDATE OF w SKIP LOCKED
            )
            SELECT o.*, h.provider_id AS holder_provider_id,
                   a.idempotency_key, a.path AS attempt_path, a.body AS attempt_body,
                   a.sends - a.answered AS unanswered, a.sends, a.provider_date,
                   r.first_name, r.last_name, r.dob, r.phone, r.loan,
                   s.ein, s.payor_name, s.dba, s.address, s.routing, s.account
            FROM due o
            LEFT JOIN object h ON h.object_id = o.holder_id
            LEFT JOIN batch_row r ON r.row_id = o.row_id
            LEFT JOIN source s
                ON s.batch_id = o.batch_id AND s.source_account_id = o.source_account_id
            LEFT JOIN attempt a
                ON a.subject_id = o.object_id AND a.n = o.attempts AND a.outcome = 'open'""",  # noqa: S608 - conditions of our own
            limit=limit,
            resends=resends,
        )
    )


def mark_for_lookup(connection: Connection, object_ids: Collection[UUID]) -> None:
    """Leave objects to the look-up, because their attempts may not be sent again."""
    if object_ids:
        run(
            connection,
            """
            UPDATE object
            SET status = 'in_doubt', step = 'lookup', looks = 0
            WHERE object_id = ANY(CAST(:ids AS uuid[]))""",
            ids=[str(object_id) for object_id in object_ids],
        )


def mark_sending(
    connection: Connection, leases: Sequence[tuple[UUID, int, int]], timing: Timing
) -> None:
    """Mark objects (id, attempt, fence) as being sent, under a lease of one call."""
    run(
        connection,
        """
        UPDATE object o
        SET status = 'sending', step = 'resend', attempts = x.n, fence = x.fence, looks = 0,
            lease_until = now() + make_interval(secs => :lease_s),
            due_at = now() + make_interval(secs => :wait_s)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:ns AS int[]), CAST(:fences AS bigint[]))
            AS x(object_id, n, fence)
        WHERE o.object_id = x.object_id""",
        ids=[str(object_id) for object_id, _, _ in leases],
        ns=[n for _, n, _ in leases],
        fences=[fence for _, _, fence in leases],
        lease_s=timing.lease_s,
        wait_s=timing.lease_s + timing.resend_after_s,
    )


def lock_objects(connection: Connection, object_ids: Collection[UUID]) -> dict[UUID, Row[Any]]:
    """Lock objects until the end of the transaction; return them by their ids."""
    rows = run(
        connection,
        """
        SELECT *
        FROM object
        WHERE object_id = ANY(CAST(:ids AS uuid[]))
        ORDER BY object_id
        FOR UPDATE""",
        ids=[str(object_id) for object_id in object_ids],
    )
    return {row.object_id: row for row in rows}


def lock_unbound(connection: Connection, object_ids: Collection[str]) -> list[Row[Any]]:
    """Lock those of these objects (ids as text) that have no provider id and have not ended."""
    return list(
        run(
            connection,
            """
            SELECT *
            FROM object
            WHERE CAST(object_id AS text) = ANY(CAST(:ids AS text[]))
                AND provider_id IS NULL
                AND status IN ('unprocessed', 'sending', 'in_doubt')
            ORDER BY object_id
            FOR UPDATE""",
            ids=list(object_ids),
        )
    )


# --- changes -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ObjectChange:
    """What one provider object becomes; `wait_s` is seconds until its next step.

    `pending` means that it exists at the provider and can be used.
    """

    object_id: UUID
    status: str
    purpose: str
    provider_id: str | None
    step: str = ""
    wait_s: float = 0.0
    reason_code: str = ""
    reason: str = ""
    lookups: int | None = None  # None: as it is


def write_changes(connection: Connection, changes: Sequence[ObjectChange]) -> None:
    """Write what locked objects become, and release what waited for them.

    What a refusal said is kept until the object exists. Ends their leases: the next fence is
    another one.
    """
    if not changes:
        return
    run(
        connection,
        """
        UPDATE object o
        SET status = x.status, step = x.step, purpose = x.purpose, provider_id = x.provider_id,
            reason_code = x.reason_code, reason = x.reason,
            refused_code = CASE
                WHEN x.status = 'failed' THEN coalesce(nullif(x.reason_code, ''), 'refused')
                WHEN x.status IN ('pending', 'inactive') THEN ''
                ELSE o.refused_code
            END,
            refused_reason = CASE
                WHEN x.status = 'failed' THEN x.reason
                WHEN x.status IN ('pending', 'inactive') THEN ''
                ELSE o.refused_reason
            END,
            looks = coalesce(x.lookups, o.looks),
            due_at = now() + make_interval(secs => x.wait_s), lease_until = '-infinity',
            fence = o.fence + 1
        FROM jsonb_to_recordset(CAST(:changes AS jsonb)) AS x(
            object_id uuid, status text, step text, purpose text, provider_id text,
            reason_code text, reason text, lookups int, wait_s float8
        )
        WHERE o.object_id = x.object_id""",
        changes=json.dumps([asdict(change) for change in changes], default=str),
    )
    release_dependents(connection, [str(c.object_id) for c in changes if c.status == "pending"])


def release_dependents(connection: Connection, object_ids: list[str]) -> None:
    """Let the accounts of these objects be created, and the payments to them be sent."""
    run(
        connection,
        """
        UPDATE object
        SET due_at = now()
        WHERE holder_id = ANY(CAST(:ids AS uuid[]))
            AND status = 'unprocessed'
            AND due_at = 'infinity'""",
        ids=object_ids,
    )
    payment_preparation.mark_ready_for(connection, object_ids)


def release_missed_accounts(connection: Connection) -> None:
    """Let accounts be created whose holder became ready just when they were inserted."""
    run(
        connection,
        """
        UPDATE object o
        SET due_at = now()
        FROM object h
        WHERE o.status = 'unprocessed'
            AND o.due_at = 'infinity'
            AND h.object_id = o.holder_id
            AND h.status = 'pending'""",
    )


def mark_inactive(connection: Connection, provider_ids: Collection[str]) -> None:
    """Mark objects that the provider has disabled or closed; a second call changes nothing."""
    run(
        connection,
        """
        UPDATE object
        SET status = 'inactive', reason_code = 'inactive',
            reason = 'The provider has disabled or closed it.'
        WHERE provider_id = ANY(CAST(:ids AS text[])) AND status = 'pending'""",
        ids=list(provider_ids),
    )


# --- look-ups ----------------------------------------------------------------------------------


def list_due_lookups(connection: Connection, limit: int) -> list[Row[Any]]:
    """Return objects whose creation is to be looked up, as far as nobody has their lease.

    `sends` is how often the newest attempt was sent. Whether their grace is over is not decided
    here: the database's clock is no judge of that.
    """
    return list(
        run(
            connection,
            f"""
            SELECT o.object_id, o.attempts, o.looks, o.fence, a.sends
            FROM object o
            JOIN attempt a ON a.subject_id = o.object_id AND a.n = o.attempts
            WHERE o.status = 'in_doubt'
                AND o.step = 'lookup'
                AND {has_come("o.due_at")}
                AND {has_come("o.lease_until")}
            ORDER BY o.due_at
            LIMIT :limit""",  # noqa: S608 - conditions of our own
            limit=limit,
        )
    )


def lease_lookups(connection: Connection, fences: Mapping[UUID, int]) -> list[Row[Any]]:
    """Take the lease of objects that still have these fences, and return them as they were.

    The lease's fence is one higher.
    """
    rows = list(
        run(
            connection,
            """
            SELECT o.*, h.provider_id AS holder_provider_id, f.provider_date,
                   (
                       SELECT count(*)
                       FROM attempt x
                       WHERE x.subject_id = o.object_id
                           AND x.outcome = 'absent'
                           AND x.n > o.retried_from
                   ) AS absent
            FROM object o
            JOIN unnest(CAST(:ids AS uuid[]), CAST(:fences AS bigint[])) AS l(object_id, fence)
                ON l.object_id = o.object_id AND l.fence = o.fence
            LEFT JOIN object h ON h.object_id = o.holder_id
            JOIN attempt f ON f.subject_id = o.object_id AND f.n = 1
            ORDER BY o.object_id
            FOR UPDATE OF o SKIP LOCKED""",
            ids=[str(object_id) for object_id in fences],
            fences=list(fences.values()),
        )
    )
    run(
        connection,
        """
        UPDATE object
        SET lease_until = now() + make_interval(secs => :lease_s), fence = fence + 1
        WHERE object_id = ANY(CAST(:ids AS uuid[]))""",
        ids=[str(row.object_id) for row in rows],
        lease_s=LEASE_S,
    )
    return rows


def lock_leased(connection: Connection, object_id: UUID, fence: int) -> bool:
    """Lock an object under the fence of its lease; False if another worker has it now."""
    found = run(
        connection,
        """
        SELECT 1
        FROM object
        WHERE object_id = :id AND fence = :fence
        FOR UPDATE""",
        id=object_id,
        fence=fence,
    ).first()
    return found is not None


# --- what is known of them ---------------------------------------------------------------------


def list_inactive_people(connection: Connection, limit: int) -> list[str]:
    """Return the employee ids whose holder the provider has disabled."""
    return list(
        run(
            connection,
            """
            SELECT DISTINCT employee_id
            FROM object
            WHERE kind = 'individual' AND status = 'inactive'
            ORDER BY employee_id
            LIMIT :limit""",
            limit=limit,
        ).scalars()
    )


def list_inactive_loans(connection: Connection, limit: int) -> list[str]:
    """Return the loan indexes whose account the provider has disabled or closed."""
    return list(
        run(
            connection,
            """
            SELECT DISTINCT number_index
            FROM object
            WHERE kind = 'liability' AND status = 'inactive'
            ORDER BY number_index
            LIMIT :limit""",
            limit=limit,
        ).scalars()
    )


def count_to_create(connection: Connection, batch_id: UUID) -> int:
    """Count the objects of a batch that are still to be created."""
    count: int = run(
        connection,
        "SELECT count(*) FROM object WHERE status = 'unprocessed' AND batch_id = :id",
        id=batch_id,
    ).scalar_one()
    return count
