"""What the journals took out of a source account or brought back."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, Row

from libs.common.database.engine import run
from services.ledger.domain.bank_statement import Movement


def movements_of(accounts: str, when: str) -> str:
    """The SELECT of the money that each journal took out of source accounts (below zero) or back.

    It reads the journals of that time alone, by batch: there is no index of all journals by time.

    Args:
        accounts: a condition on an account, `source:` and its id, as SQL that follows its column.
        when: a condition on the time of a journal, as SQL that follows its column.
    """
    return f"""
        SELECT e.account, j.journal_id, j.payment_id, '' AS provider_payment_id, j.kind,
            j.posted_at, e.amount_cents
        FROM (SELECT DISTINCT batch_id FROM balance WHERE account {accounts}) b
        JOIN journal j ON j.batch_id = b.batch_id AND j.posted_at {when}
        JOIN entry e ON e.journal_id = j.journal_id AND e.layer = 'posted'
            AND e.account {accounts}
        UNION ALL
        SELECT side.account, c.journal_id, NULL, c.provider_payment_id, 'correction',
            c.posted_at, side.sign * c.amount_cents
        FROM correction c
        CROSS JOIN LATERAL (VALUES (c.from_account, -1), (c.to_account, 1))
            AS side(account, sign)
        WHERE side.account {accounts} AND c.posted_at {when}"""  # noqa: S608 - our own text


def find_movements(
    connection: Connection, source_account_id: str, from_day: date, to_day: date, limit: int
) -> list[Movement]:
    """Journals of a source account that moved money on these days in UTC; at most `limit`."""
    near = "BETWEEN CAST(:from_day AS date) - 1 AND CAST(:to_day AS date) + 2"
    found = run(
        connection,
        f"""
        SELECT m.journal_id, coalesce(CAST(m.payment_id AS text), '') AS payment_id,
            coalesce(p.provider_payment_id, m.provider_payment_id) AS provider_payment_id,
            m.kind, m.day, m.amount_cents
        FROM (
            SELECT *, CAST(posted_at AT TIME ZONE 'UTC' AS date) AS day
            FROM ({movements_of("= 'source:' || :source", near)}) posted
        ) m
        LEFT JOIN payment p USING (payment_id)
        WHERE m.day BETWEEN :from_day AND :to_day
        ORDER BY m.day, m.journal_id
        LIMIT :limit""",  # noqa: S608 - the text above
        source=source_account_id,
        from_day=from_day,
        to_day=to_day,
        limit=limit,
    )
    return [
        Movement(
            str(row.journal_id),
            row.payment_id,
            row.provider_payment_id,
            row.kind,
            row.day,
            row.amount_cents,
        )
        for row in found
    ]


def find_last4(connection: Connection, source_account_id: str) -> str:
    """The last four digits of a source account, from its newest payment; "" if it has none."""
    found: Row[Any] | None = run(
        connection,
        """
        SELECT source_last4
        FROM payment
        WHERE source_account_id = :source
        ORDER BY approved_at DESC
        LIMIT 1""",
        source=source_account_id,
    ).first()
    return "" if found is None else str(found.source_last4)
