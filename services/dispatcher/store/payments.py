"""Tables `payment` and `payment_row`: approved payments and the rows they pay."""

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.contracts.events.payments import PaymentApproved
from libs.common.contracts.statuses import FINAL_PAYMENTS
from libs.common.database.engine import run
from services.dispatcher.domain.duplicates import PaymentSnapshot
from services.dispatcher.store.payment_preparation import ACCOUNTS
from services.dispatcher.store.refused_sources import SOURCE_MAY_PAY

# --- approved payments -------------------------------------------------------------------------


def insert_payments(connection: Connection, approved: Sequence[PaymentApproved]) -> list[Row[Any]]:
    """Store approved payments, unsent; return the new ones (`payment_id`, `batch_id` as text).

    Where the accounts are made, they are bound at once. A payment that is here already changes
    nothing, and neither does one of the same batch, source, employee and loan.
    """
    payments = [
        {
            "payment_id": str(e.payment_id),
            "batch_id": str(e.batch_id),
            "digest": e.digest,
            "amount_cents": e.amount_cents,
            "row_id": str(min(e.rows, key=lambda r: r.file_row).row_id),
            "source_account_id": e.source_account_id,
            "account_index": e.account_index,
            "employee_id": e.employee_id,
            "person_index": e.person_index,
            "institution_id": e.institution_id,
            "merchant_id": e.merchant_id,
            "loan_index": e.loan_index,
            "approved_at": e.approved_at.isoformat(),
        }
        for e in approved
    ]
    return list(
        run(
            connection,
            f"""
            INSERT INTO payment (
                payment_id, batch_id, digest, amount_cents, row_id,
                source_account_id, account_index,
                employee_id, person_index,
                institution_id, merchant_id, approved_merchant_id, loan_index, approved_at,
                source_object, destination_object, ready
            )
            SELECT x.payment_id, x.batch_id, x.digest, x.amount_cents, x.row_id,
                   x.source_account_id, x.account_index,
                   x.employee_id, x.person_index,
                   x.institution_id, coalesce(a.merchant_id, x.merchant_id), x.merchant_id,
                   x.loan_index, x.approved_at,
                   a.source, a.destination, coalesce(a.ready, false)
            FROM jsonb_to_recordset(CAST(:payments AS jsonb)) AS x(
                payment_id uuid, batch_id uuid, digest text, amount_cents bigint, row_id uuid,
                source_account_id text, account_index text,
                employee_id text, person_index text,
                institution_id text, merchant_id text, loan_index text, approved_at timestamptz
            )
            LEFT JOIN LATERAL ({ACCOUNTS.format("x")}
            ) a ON true
            ON CONFLICT DO NOTHING
            RETURNING payment_id, CAST(batch_id AS text) AS batch_id""",  # noqa: S608 - our own
            payments=json.dumps(payments),
        )
    )


def count_stored(connection: Connection, approved: Sequence[PaymentApproved]) -> int:
    """Count those of the approved payments that are here with the same amount and loan."""
    payments = [
        {
            "payment_id": str(e.payment_id),
            "amount_cents": e.amount_cents,
            "loan_index": e.loan_index,
        }
        for e in approved
    ]
    count: int = run(
        connection,
        """
        SELECT count(*)
        FROM payment p
        JOIN jsonb_to_recordset(CAST(:payments AS jsonb))
            AS x(payment_id uuid, amount_cents bigint, loan_index text)
            USING (payment_id)
        WHERE p.amount_cents = x.amount_cents AND p.loan_index = x.loan_index""",
        payments=json.dumps(payments),
    ).scalar_one()
    return count


def insert_rows(
    connection: Connection, approved: Sequence[PaymentApproved], ended: Collection[str]
) -> int:
    """Store which rows each payment pays; return how many of them are stored for it afterwards.

    A row that has another live payment is not stored. A second call changes nothing.

    Args:
        ended: payments that ended unpaid already; their rows may be paid by another one.
    """
    rows = json.dumps(
        [
            {
                "root_row_id": str(row.root_row_id),
                "payment_id": str(event.payment_id),
                "row_id": str(row.row_id),
            }
            for event in approved
            for row in event.rows
        ]
    )
    run(
        connection,
        """
        INSERT INTO payment_row (root_row_id, payment_id, row_id, live)
        SELECT x.*, x.payment_id <> ALL(CAST(:ended AS uuid[]))
        FROM jsonb_to_recordset(CAST(:rows AS jsonb))
            AS x(root_row_id uuid, payment_id uuid, row_id uuid)
        ON CONFLICT DO NOTHING""",
        rows=rows,
        ended=list(ended),
    )
    count: int = run(
        connection,
        """
        SELECT count(*)
        FROM payment_row p
        JOIN jsonb_to_recordset(CAST(:rows AS jsonb))
            AS x(root_row_id uuid, payment_id uuid, row_id uuid)
            ON p.payment_id = x.payment_id
            AND p.row_id = x.row_id
            AND p.root_row_id = x.root_row_id""",
        rows=rows,
    ).scalar_one()
    return count


# --- one or some payments ----------------------------------------------------------------------


def lock_payments(connection: Connection, payment_ids: Collection[UUID]) -> dict[UUID, Row[Any]]:
    """Lock payments until the end of the transaction; return them by their ids."""
    rows = run(
        connection,
        """
        SELECT *
        FROM payment
        WHERE payment_id = ANY(CAST(:ids AS uuid[]))
        ORDER BY payment_id
        FOR UPDATE""",
        ids=[str(payment_id) for payment_id in payment_ids],
    )
    return {row.payment_id: row for row in rows}


def lock_with_accounts(connection: Connection, payment_ids: Collection[str]) -> list[Row[Any]]:
    """Lock payments, and add the provider's ids of their accounts (`source`, `destination`)."""
    return list(
        run(
            connection,
            """
            SELECT p.*, s.provider_id AS source, d.provider_id AS destination
            FROM payment p
            LEFT JOIN object s ON s.object_id = p.source_object
            LEFT JOIN object d ON d.object_id = p.destination_object
            WHERE p.payment_id = ANY(CAST(:ids AS uuid[]))
            ORDER BY p.payment_id
            FOR UPDATE OF p""",
            ids=list(payment_ids),
        )
    )


def find_accounts(connection: Connection, payment_ids: Collection[UUID]) -> dict[UUID, Row[Any]]:
    """Return the provider's ids of the payments' accounts (`source`, `destination`)."""
    rows = run(
        connection,
        """
        SELECT p.payment_id, s.provider_id AS source, d.provider_id AS destination
        FROM payment p
        LEFT JOIN object s ON s.object_id = p.source_object
        LEFT JOIN object d ON d.object_id = p.destination_object
        WHERE p.payment_id = ANY(CAST(:ids AS uuid[]))""",
        ids=[str(payment_id) for payment_id in payment_ids],
    )
    return {row.payment_id: row for row in rows}


def list_snapshots(connection: Connection, batch_id: UUID) -> dict[str, PaymentSnapshot]:
    """Return status and provider payment of each payment of a batch, by its id as text."""
    rows = run(
        connection,
        """
        SELECT payment_id, status, provider_id
        FROM payment
        WHERE batch_id = :id""",
        id=batch_id,
    )
    return {str(row.payment_id): PaymentSnapshot(row.status, row.provider_id or "") for row in rows}


def list_ids(connection: Connection, statuses: Collection[str]) -> set[str]:
    """Return the ids of the payments in one of these statuses, as text."""
    ids = run(
        connection,
        """
        SELECT CAST(payment_id AS text)
        FROM payment
        WHERE status = ANY(CAST(:statuses AS text[]))""",
        statuses=list(statuses),
    )
    return set(ids.scalars())


def is_bound(connection: Connection, provider_id: str) -> bool:
    """Whether a provider payment belongs to one of our payments."""
    found = run(connection, "SELECT 1 FROM payment WHERE provider_id = :id", id=provider_id).first()
    return found is not None


def find_batches(connection: Connection, provider_ids: Collection[str]) -> dict[str, str]:
    """Return the batches of the payments that are bound to these provider payments, as text."""
    rows = run(
        connection,
        """
        SELECT provider_id, CAST(batch_id AS text) AS batch_id
        FROM payment
        WHERE provider_id = ANY(CAST(:ids AS text[]))""",
        ids=list(provider_ids),
    )
    return {row.provider_id: row.batch_id for row in rows}


# --- counts ------------------------------------------------------------------------------------


def has_open_payments(connection: Connection, batch_id: UUID) -> bool:
    """Whether a payment of a batch has not ended."""
    found = run(
        connection,
        """
        SELECT 1
        FROM payment
        WHERE batch_id = :id AND status <> ALL(CAST(:final AS text[]))
        LIMIT 1""",
        id=batch_id,
        final=sorted(FINAL_PAYMENTS),
    ).first()
    return found is not None


def have_arrived(connection: Connection, batch_id: UUID) -> bool:
    """Whether all payments of a batch are here that its approval announced; False before it."""
    arrived = run(
        connection,
        """
        SELECT count(*) >= max(b.payments) AND max(b.payments) > 0
        FROM batch b
        LEFT JOIN payment p USING (batch_id)
        WHERE b.batch_id = :id""",
        id=batch_id,
    ).scalar()
    return bool(arrived)


def count_problems(connection: Connection, batch_id: UUID) -> dict[str, int]:
    """Count a batch's payments that are in doubt, held, and not surely sent (`unsent`)."""
    counts = run(
        connection,
        """
        SELECT count(*) FILTER (WHERE status = 'in_doubt') AS in_doubt,
               count(*) FILTER (WHERE status = 'held') AS held,
               count(*) FILTER (
                   WHERE status IN ('unprocessed', 'sending', 'in_doubt')
               ) AS unsent
        FROM payment
        WHERE batch_id = :id""",
        id=batch_id,
    )
    return dict(counts.mappings().one())


def count_to_send(connection: Connection, batch_id: UUID) -> int | None:
    """Count a batch's payments that wait to be sent, also those announced and not here yet.

    None if the batch is not known here.
    """
    count: int | None = run(
        connection,
        """
        SELECT greatest(b.payments, count(p.payment_id))
               - count(p.payment_id) FILTER (WHERE p.status NOT IN ('unprocessed', 'sending'))
        FROM batch b
        LEFT JOIN payment p USING (batch_id)
        WHERE b.batch_id = :id
        GROUP BY b.batch_id, b.payments""",
        id=batch_id,
    ).scalar()
    return count


def count_unsent(connection: Connection) -> int:
    """Count the payments that are to be sent now.

    Those of stopped sources are left out: they wait for a person, and the alert for payments that
    wait for no reason must not count them.
    """
    count: int = run(
        connection,
        f"""
        SELECT count(*)
        FROM payment p
        JOIN batch b USING (batch_id)
        WHERE p.status IN ('unprocessed', 'sending')
            AND b.state = 'paying'
            AND {SOURCE_MAY_PAY.format("p")}""",  # noqa: S608 - a condition of our own
    ).scalar_one()
    return count


def count_attempted(connection: Connection) -> int:
    """Count the payments that were sent at least once."""
    count: int = run(connection, "SELECT count(*) FROM payment WHERE attempts > 0").scalar_one()
    return count


def count_by_status(connection: Connection, status: str) -> int:
    """Count the payments in a status."""
    count: int = run(
        connection, "SELECT count(*) FROM payment WHERE status = :status", status=status
    ).scalar_one()
    return count


def read_oldest_doubt_s(connection: Connection) -> float:
    """Return the age in seconds of the oldest attempt of a payment in doubt; 0 if there is none."""
    return float(
        run(
            connection,
            """
            SELECT coalesce(extract(epoch FROM now() - min(a.first_sent_at)), 0)
            FROM payment p
            JOIN attempt a ON a.subject_id = p.payment_id
            WHERE p.status = 'in_doubt'""",
        ).scalar_one()
    )
