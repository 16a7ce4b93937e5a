"""Table `object_retry`: provider objects that were refused, and are tried again under a new key.

A refusal is kept (`object.refused_code`) until the object exists: meanwhile nothing that needs it
counts as payable. What may still run is looked up first. Batches stop trying before people must.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.database.engine import run
from services.dispatcher.domain.protocol import RETRIED_BELOW, RETRIED_BY_BATCHES_BELOW

FRESH_S = 60.0
#: The condition for: the provider refused object `{0}`, or disabled it, and nothing newer is known.
REFUSED = "({0}.status IN ('failed', 'held', 'inactive') OR {0}.refused_code <> '')"


def find_sources(connection: Connection, batch_id: UUID) -> list[UUID]:
    """Return the corporations and source accounts that a batch pays from."""
    return list(
        run(
            connection,
            """
            SELECT DISTINCT o.object_id
            FROM source s
            JOIN object c ON c.natural_key = 'corporation:' || s.ein
            JOIN object o
                ON o.object_id = c.object_id
                OR o.natural_key = 'ach:' || c.object_id || ':' || s.account_index
            WHERE s.batch_id = :batch_id""",
            batch_id=batch_id,
        ).scalars()
    )


def find_people_and_loans(connection: Connection, batch_id: UUID) -> list[UUID]:
    """Return the refused or disabled people and loans that rows of a batch need."""
    return list(
        run(
            connection,
            f"""
            SELECT DISTINCT o.object_id
            FROM object o
            LEFT JOIN object h ON h.object_id = o.holder_id
            JOIN batch_row r
                ON r.batch_id = :batch_id
                AND r.employee_id = coalesce(h.employee_id, o.employee_id)
                AND r.person_index = coalesce(h.person_index, o.person_index)
                AND (o.kind = 'individual' OR r.loan_index = o.number_index)
            WHERE o.kind IN ('individual', 'liability') AND {REFUSED.format("o")}""",  # noqa: S608 - a condition of our own
            batch_id=batch_id,
        ).scalars()
    )


def list_refused(connection: Connection, batch_id: UUID, limit: int) -> list[UUID]:
    """Return people and loans, of any batch, that may be tried once for this one.

    Those that were tried least often come first. The batch tries up to `limit` in all: what it has
    tried before counts, unless a person asked for it.
    """
    return list(
        run(
            connection,
            """
            SELECT o.object_id
            FROM object o
            WHERE o.status IN ('failed', 'held')
                AND o.kind IN ('individual', 'liability')
                AND o.batch_id <> :batch_id
                AND o.attempts < :most
                AND NOT EXISTS (
                    SELECT FROM object_retry t
                    WHERE t.object_id = o.object_id AND t.batch_id = :batch_id
                )
            ORDER BY o.attempts, o.object_id
            LIMIT greatest(0, :limit - (
                SELECT count(*)
                FROM object_retry t
                JOIN object tried USING (object_id)
                WHERE t.batch_id = :batch_id
                    AND t.by_whom = ''
                    AND tried.kind IN ('individual', 'liability')
            ))""",
            batch_id=batch_id,
            most=RETRIED_BY_BATCHES_BELOW,
            limit=limit,
        ).scalars()
    )


def retry_once(connection: Connection, batch_id: UUID, object_ids: Collection[UUID]) -> int:
    """Try those of these objects again that were refused for another batch; return how many.

    A second call for the same batch changes nothing.
    """
    tried = run(
        connection,
        """
        INSERT INTO object_retry (object_id, batch_id, refused_code)
        SELECT o.object_id, :batch_id, coalesce(nullif(o.reason_code, ''), 'refused')
        FROM object o
        WHERE o.object_id = ANY(CAST(:ids AS uuid[]))
            AND o.status IN ('failed', 'held')
            AND o.batch_id <> :batch_id
            AND o.attempts < :most
        ORDER BY o.object_id
        FOR UPDATE OF o
        ON CONFLICT (object_id, batch_id, made_of) WHERE by_whom = '' DO NOTHING
        RETURNING object_id""",
        ids=[str(object_id) for object_id in object_ids],
        batch_id=batch_id,
        most=RETRIED_BY_BATCHES_BELOW,
    ).scalars()
    return _begin_again(connection, batch_id, list(tried))


def retry_by_person(
    connection: Connection, batch_id: UUID, object_ids: Collection[UUID], by: str, reason: str
) -> int:
    """Try refused objects again, and read disabled ones again; return how many. Each call does."""
    asked = run(
        connection,
        """
        INSERT INTO object_retry (object_id, batch_id, by_whom, reason, refused_code)
        SELECT o.object_id, :batch_id, :by, :reason, coalesce(nullif(o.reason_code, ''), 'refused')
        FROM object o
        WHERE o.object_id = ANY(CAST(:ids AS uuid[]))
            AND (o.status = 'inactive'
                OR (o.status IN ('failed', 'held') AND o.attempts < :most))
        ORDER BY o.object_id
        FOR UPDATE OF o
        RETURNING object_id""",
        ids=[str(object_id) for object_id in object_ids],
        batch_id=batch_id,
        by=by,
        reason=reason,
        most=RETRIED_BELOW,
    ).scalars()
    asked_ids = list(asked)
    run(
        connection,
        """
        UPDATE object
        SET step = 'reread', due_at = now()
        WHERE object_id = ANY(CAST(:ids AS uuid[])) AND status = 'inactive'""",
        ids=[str(object_id) for object_id in asked_ids],
    )
    _begin_again(connection, batch_id, asked_ids)
    return len(asked_ids)


def count_exhausted(connection: Connection, object_ids: Collection[UUID]) -> int:
    """Count those of these objects that were refused so often that even people may not try."""
    count: int = run(
        connection,
        """
        SELECT count(*)
        FROM object
        WHERE object_id = ANY(CAST(:ids AS uuid[]))
            AND status IN ('failed', 'held')
            AND attempts >= :most""",
        ids=[str(object_id) for object_id in object_ids],
        most=RETRIED_BELOW,
    ).scalar_one()
    return count


def retry_corrected(connection: Connection, batch_id: UUID) -> None:
    """Try refused corporations again of which a batch has other values; each values are tried once.

    Two batches with different values for one corporation so do not take turns for ever.
    """
    corrected = run(
        connection,
        """
        INSERT INTO object_retry (object_id, batch_id, made_of, refused_code)
        SELECT o.object_id, :batch_id, md5(CAST(s.made_of AS text)),
               coalesce(nullif(o.reason_code, ''), 'refused')
        FROM (
            SELECT DISTINCT ON (ein) ein, jsonb_build_array(address, payor_name, dba) AS made_of
            FROM source
            WHERE batch_id = :batch_id
            ORDER BY ein, source_account_id
        ) s
        JOIN object o ON o.natural_key = 'corporation:' || s.ein
        WHERE o.status = 'failed' AND o.attempts < :most AND o.made_of <> s.made_of
        ORDER BY o.object_id
        FOR UPDATE OF o
        ON CONFLICT (object_id, batch_id, made_of) WHERE by_whom = '' DO NOTHING
        RETURNING object_id""",
        batch_id=batch_id,
        most=RETRIED_BY_BATCHES_BELOW,
    ).scalars()
    _begin_again(connection, batch_id, list(corrected))


def _begin_again(connection: Connection, batch_id: UUID, object_ids: Sequence[UUID]) -> int:
    """Let refused objects be created under a new key; return how many.

    One whose newest attempt has no outcome is looked up instead: it may exist. A corporation takes
    the values of the batch that asks. An account whose holder does not exist yet waits for it.
    """
    count: int = run(
        connection,
        """
        UPDATE object o
        SET status = CASE WHEN x.is_open THEN 'in_doubt' ELSE 'unprocessed' END,
            step = CASE WHEN x.is_open THEN 'lookup' ELSE '' END,
            refused_code = coalesce(nullif(o.reason_code, ''), 'refused'),
            refused_reason = o.reason,
            retried_from = CASE WHEN x.is_open THEN o.retried_from ELSE o.attempts END,
            looks = 0, fence = o.fence + 1, lease_until = '-infinity',
            due_at = CASE
                WHEN o.kind = 'liability' AND NOT x.is_open AND NOT x.has_holder THEN 'infinity'
                ELSE now()
            END
        FROM (
            SELECT w.object_id,
                   EXISTS (
                       SELECT FROM attempt a
                       WHERE a.subject_id = w.object_id AND a.n = w.attempts AND a.outcome = 'open'
                   ) AS is_open,
                   EXISTS (
                       SELECT FROM object h
                       WHERE h.object_id = w.holder_id AND h.status = 'pending'
                   ) AS has_holder
            FROM object w
            WHERE w.object_id = ANY(CAST(:ids AS uuid[])) AND w.status IN ('failed', 'held')
        ) x
        WHERE o.object_id = x.object_id""",
        ids=[str(object_id) for object_id in object_ids],
    ).rowcount
    run(
        connection,
        """
        UPDATE object o
        SET batch_id = s.batch_id, source_account_id = s.source_account_id,
            made_of = jsonb_build_array(s.address, s.payor_name, s.dba)
        FROM (
            SELECT DISTINCT ON (ein) *
            FROM source
            WHERE batch_id = :batch_id
            ORDER BY ein, source_account_id
        ) s
        WHERE o.object_id = ANY(CAST(:ids AS uuid[]))
            AND o.kind = 'corporation'
            AND o.natural_key = 'corporation:' || s.ein""",
        ids=[str(object_id) for object_id in object_ids],
        batch_id=batch_id,
    )
    return count


def count_under_way(connection: Connection, batch_id: UUID) -> int:
    """Count the objects that are tried again for a batch, without those that are looked up."""
    count: int = run(
        connection,
        """
        SELECT count(DISTINCT o.object_id)
        FROM object_retry t
        JOIN object o USING (object_id)
        WHERE t.batch_id = :batch_id
            AND (
                (o.status IN ('unprocessed', 'sending') AND o.due_at < 'infinity')
                OR (o.status = 'inactive' AND o.step = 'reread')
            )""",
        batch_id=batch_id,
    ).scalar_one()
    return count


# --- disabled objects --------------------------------------------------------------------------


def list_inactive(connection: Connection, limit: int, *, wanted_only: bool) -> list[Row[Any]]:
    """Return disabled objects, those first that a person asked about, or (`wanted_only`) only them.

    The others come by when they were read, without those that were read in the last minute.
    """
    return list(
        run(
            connection,
            """
            SELECT *
            FROM object
            WHERE status = 'inactive'
                AND provider_id IS NOT NULL
                AND (
                    step = 'reread'
                    OR (NOT :wanted_only AND due_at <= now() - make_interval(secs => :fresh_s))
                )
            ORDER BY (step = 'reread') DESC, due_at, object_id
            LIMIT :limit""",
            limit=limit,
            wanted_only=wanted_only,
            fresh_s=FRESH_S,
        )
    )


def mark_still_inactive(connection: Connection, object_ids: Collection[UUID]) -> None:
    """Note that the provider still has these objects disabled, as of now."""
    run(
        connection,
        """
        UPDATE object
        SET step = '', due_at = now()
        WHERE object_id = ANY(CAST(:ids AS uuid[])) AND status = 'inactive'""",
        ids=[str(object_id) for object_id in object_ids],
    )


def mark_listed(connection: Connection, provider_ids: Collection[str]) -> None:
    """Note that a list of the provider shows these objects as disabled or closed now.

    Those that a person asked about are left: they may have been enabled since the list was read.
    """
    run(
        connection,
        """
        UPDATE object
        SET due_at = now()
        WHERE provider_id = ANY(CAST(:ids AS text[]))
            AND status = 'inactive' AND step <> 'reread'""",
        ids=list(provider_ids),
    )


# --- what the preview must not call payable ----------------------------------------------------


def list_refused_people(connection: Connection, limit: int) -> list[Row[Any]]:
    """Return the people that the provider refused: employee id, index, code and sentence."""
    return list(
        run(
            connection,
            """
            SELECT employee_id, person_index,
                   coalesce(nullif(refused_code, ''), nullif(reason_code, ''), 'refused') AS code,
                   coalesce(nullif(refused_reason, ''), reason) AS reason
            FROM object
            WHERE kind = 'individual' AND (status IN ('failed', 'held') OR refused_code <> '')
            ORDER BY employee_id, person_index
            LIMIT :limit""",
            limit=limit,
        )
    )


def list_refused_loans(connection: Connection, limit: int) -> list[Row[Any]]:
    """Return the loans that the provider refused, by their people, with code and sentence."""
    return list(
        run(
            connection,
            """
            SELECT h.employee_id, h.person_index, o.number_index AS loan_index,
                   coalesce(nullif(o.refused_code, ''), nullif(o.reason_code, ''), 'refused')
                       AS code,
                   coalesce(nullif(o.refused_reason, ''), o.reason) AS reason
            FROM object o
            JOIN object h ON h.object_id = o.holder_id
            WHERE o.kind = 'liability' AND (o.status IN ('failed', 'held') OR o.refused_code <> '')
            ORDER BY h.employee_id, h.person_index, o.number_index
            LIMIT :limit""",
            limit=limit,
        )
    )
