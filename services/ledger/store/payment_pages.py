"""The payments of a batch as they were at a moment, each with the lines of a run that name it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.database.engine import run
from services.ledger.domain.comparisons import ListedPayment, RecordedPayment, StatementRun

PAGE_MAX = 5_000


def read_payments(
    connection: Connection, statement: StatementRun, until: datetime | str
) -> Iterator[list[tuple[RecordedPayment, list[ListedPayment]]]]:
    """The batch's payments as they were at a moment, each with the run's lines that name it.

    Args:
        connection: its transaction must see the whole batch.
        statement: the run.
        until: the moment, or `infinity`: the payments as they are.

    Yields:
        Pages of at most PAGE_MAX payments, by payment id.
    """
    last = UUID(int=0)
    while page := _read_payment_page(connection, statement.batch_id, last, until):
        last = page[-1].payment_id
        lines = _read_lines(connection, statement.run_id, [row.payment_id for row in page])
        yield [(_recorded_payment(row), lines.get(row.payment_id, [])) for row in page]


def _read_payment_page(
    connection: Connection, batch_id: UUID, after: UUID, until: datetime | str
) -> Sequence[Row[tuple[object, ...]]]:
    rows: Sequence[Row[tuple[object, ...]]] = run(
        connection,
        """
        SELECT
            p.payment_id, p.amount_cents, p.row_count,
            p.provider_payment_id,
            p.source_account_id, p.source_routing, p.source_last4,
            p.employee_id, p.person_index,
            p.merchant_id, p.loan_last4,
            stored.cents AS rows_cents, stored.rows AS rows_found,
            coalesce(at_moment.status, 'unprocessed') AS status,
            coalesce(
                (
                    SELECT jsonb_object_agg(j.kind, j.amount_cents)
                    FROM journal j
                    WHERE j.payment_id = p.payment_id
                        AND j.posted_at <= CAST(:until AS timestamptz)
                ),
                '{}'
            ) AS journals
        FROM (
            SELECT *
            FROM payment
            WHERE batch_id = :batch_id
                AND payment_id > :after
            ORDER BY payment_id
            LIMIT :page_max
        ) AS p
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_cents), 0) AS cents, count(*) AS rows
            FROM payment_row
            WHERE payment_id = p.payment_id
        ) AS stored ON true
        LEFT JOIN LATERAL (
            SELECT status
            FROM payment_change
            WHERE payment_id = p.payment_id
                AND occurred_at <= CAST(:until AS timestamptz)
            ORDER BY version DESC
            LIMIT 1
        ) AS at_moment ON true
        ORDER BY p.payment_id""",
        batch_id=batch_id,
        after=after,
        page_max=PAGE_MAX,
        until=until,
    ).all()
    return rows


def _recorded_payment(row: Row[tuple[object, ...]]) -> RecordedPayment:
    return RecordedPayment(
        payment_id=row.payment_id,
        amount_cents=row.amount_cents,
        row_count=row.row_count,
        rows_cents=int(row.rows_cents),
        rows_found=row.rows_found,
        status=row.status,
        provider_payment_id=row.provider_payment_id,
        source_routing=row.source_routing,
        source_last4=row.source_last4,
        employee_id=row.employee_id,
        person_index=row.person_index,
        merchant_id=row.merchant_id,
        loan_last4=row.loan_last4,
        journals=row.journals,
        source_account_id=row.source_account_id,
    )


def _read_lines(
    connection: Connection, run_id: UUID, payment_ids: Sequence[UUID]
) -> dict[UUID, list[ListedPayment]]:
    lines: dict[UUID, list[ListedPayment]] = {}
    for row in run(
        connection,
        """
        SELECT
            payment_id,
            provider_payment_id, provider_status, amount_cents,
            source_routing, source_last4,
            employee_id, person_index,
            merchant_id, loan_last4
        FROM statement_line
        WHERE run_id = :run_id
            AND payment_id = ANY(CAST(:ids AS uuid[]))
        ORDER BY line""",
        run_id=run_id,
        ids=[str(payment_id) for payment_id in payment_ids],
    ):
        payment_id, *columns = row
        lines.setdefault(payment_id, []).append(ListedPayment(*columns))
    return lines
