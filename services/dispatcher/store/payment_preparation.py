"""Table `payment` before sending: accounts to pay from and to, and payments that cannot be sent.

Functions named `lock_…` skip rows that another worker has locked.
"""

from typing import Any

from sqlalchemy import Connection, Row

from libs.common.database.engine import run

#: The accounts made for exactly what was approved of payment `{0}`, and whether the loan's exists
#: at the provider (`ready`). No row if one of them is not made yet.
ACCOUNTS = """
            SELECT s.object_id AS source, d.object_id AS destination,
                   m.merchant_id, d.status = 'pending' AS ready
            FROM (
                SELECT l.institution_id, coalesce(c.merchant_id, l.merchant_id) AS merchant_id
                FROM merchant l
                LEFT JOIN mended_merchant c
                    ON c.batch_id = {0}.batch_id AND c.institution_id = l.institution_id
                    AND c.merchant_id = {0}.merchant_id
                WHERE l.institution_id = {0}.institution_id
            ) m
            JOIN object h
                ON h.natural_key = 'individual:' || {0}.employee_id || ':' || {0}.person_index
            JOIN object d
                ON d.natural_key
                    = 'liability:' || h.object_id || ':' || m.merchant_id || ':' || {0}.loan_index
            JOIN source a
                ON a.batch_id = {0}.batch_id AND a.source_account_id = {0}.source_account_id
            JOIN object c ON c.natural_key = 'corporation:' || a.ein
            JOIN object s ON s.natural_key = 'ach:' || c.object_id || ':' || {0}.account_index
            WHERE m.merchant_id <> ''
                AND ({0}.merchant_id = '' OR {0}.merchant_id = m.merchant_id)
            OFFSET 0"""


def link_payments(connection: Connection, limit: int | None, *, every: bool) -> int:
    """Bind payments to the objects made for exactly what was approved; return how many.

    A second call finds those that could not be bound before. With `every` also payments that were
    sent or have ended.
    """
    count: int = run(
        connection,
        f"""
        WITH unlinked AS MATERIALIZED (
            SELECT p.*
            FROM payment p
            JOIN batch b USING (batch_id)
            WHERE p.destination_object IS NULL
                AND (:every OR (p.status = 'unprocessed' AND b.state <> 'cancelled'))
            LIMIT :limit
            FOR UPDATE OF p SKIP LOCKED
        )
        UPDATE payment p
        SET source_object = x.source, destination_object = x.destination,
            merchant_id = x.merchant_id, ready = x.ready
        FROM unlinked u
        CROSS JOIN LATERAL (
            {ACCOUNTS.format("u")}
        ) x
        WHERE p.payment_id = u.payment_id""",  # noqa: S608 - joins of our own
        limit=limit,
        every=every,
    ).rowcount
    return count


def link_source_accounts(connection: Connection) -> None:
    """Bind the source account of payments that cannot be bound as a whole, so that they are read.

    After a restore a payment may have been sent although its institution has another merchant now.
    A second call changes nothing.
    """
    run(
        connection,
        """
        UPDATE payment p
        SET source_object = s.object_id
        FROM source a
        JOIN object c ON c.natural_key = 'corporation:' || a.ein
        JOIN object s ON s.natural_key = 'ach:' || c.object_id || ':' || a.account_index
        WHERE p.source_object IS NULL
            AND a.batch_id = p.batch_id
            AND a.source_account_id = p.source_account_id""",
    )


def mark_ready(connection: Connection) -> None:
    """Mark payments whose destination exists at the provider, and that were missed when it did."""
    run(
        connection,
        """
        UPDATE payment p
        SET ready = true
        FROM object d
        WHERE p.status = 'unprocessed'
            AND NOT p.ready
            AND d.object_id = p.destination_object
            AND d.status = 'pending'""",
    )


def mark_ready_for(connection: Connection, object_ids: list[str]) -> None:
    """Mark the unsent payments to these objects, which exist at the provider now."""
    run(
        connection,
        """
        UPDATE payment
        SET ready = true
        WHERE destination_object = ANY(CAST(:ids AS uuid[])) AND status = 'unprocessed'""",
        ids=object_ids,
    )


def lock_refused(connection: Connection, limit: int) -> list[Row[Any]]:
    """Lock unsent payments whose account or holder the provider refused, and why."""
    return list(
        run(
            connection,
            """
            SELECT p.*, x.reason_code AS why_code, x.reason AS why
            FROM object x
            JOIN object d ON d.object_id = x.object_id OR d.holder_id = x.object_id
            JOIN payment p ON p.destination_object = d.object_id
            JOIN batch b ON b.batch_id = p.batch_id
            WHERE x.status IN ('failed', 'inactive', 'held')
                AND x.kind IN ('individual', 'liability')
                AND p.status = 'unprocessed'
                AND b.state = 'paying'
            ORDER BY p.payment_id
            LIMIT :limit
            FOR UPDATE OF p SKIP LOCKED""",
            limit=limit,
        )
    )


def lock_without_merchant(connection: Connection, limit: int) -> list[Row[Any]]:
    """Lock unsent payments to an institution without a merchant, or with another than approved."""
    return list(
        run(
            connection,
            """
            SELECT p.*, coalesce(nullif(m.reason, ''), 'merchant_changed') AS why_code,
                   CASE
                       WHEN m.merchant_id = ''
                       THEN 'The provider has no student-loan merchant for this institution.'
                       ELSE 'The institution has another merchant now than when the batch was'
                           || ' approved.'
                   END AS why
            FROM payment p
            JOIN batch b USING (batch_id)
            JOIN merchant m ON m.institution_id = p.institution_id
            WHERE p.status = 'unprocessed'
                AND p.destination_object IS NULL
                AND b.state = 'paying'
                AND (
                    m.merchant_id = ''
                    OR (p.merchant_id <> '' AND p.merchant_id <> m.merchant_id)
                )
                AND NOT EXISTS (
                    SELECT
                    FROM mended_merchant c
                    WHERE c.batch_id = p.batch_id AND c.institution_id = p.institution_id
                        AND c.merchant_id = p.merchant_id
                )
            ORDER BY p.payment_id
            LIMIT :limit
            FOR UPDATE OF p SKIP LOCKED""",
            limit=limit,
        )
    )


def lock_of_cancelled_batches(connection: Connection, limit: int) -> list[Row[Any]]:
    """Lock unsent payments of cancelled batches, with who cancelled and why."""
    return list(
        run(
            connection,
            """
            SELECT p.*, b.state_by, b.state_reason
            FROM payment p
            JOIN batch b USING (batch_id)
            WHERE p.status = 'unprocessed' AND b.state = 'cancelled'
            ORDER BY p.payment_id
            LIMIT :limit
            FOR UPDATE OF p SKIP LOCKED""",
            limit=limit,
        )
    )
