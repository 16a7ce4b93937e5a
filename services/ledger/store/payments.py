"""The tables `payment` and `payment_row`: approved payments, their rows and their newest status."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from libs.common.contracts.events.payments import PaymentApproved, PaymentChanged
from libs.common.database.engine import run
from services.ledger.handlers import AppliedVersion, Conflict, content_digest


def insert_payments(connection: Connection, events: Sequence[PaymentApproved]) -> set[UUID]:
    """Store approved payments and their rows.

    Returns:
        The ids of the payments that are new. The same approval again changes nothing.

    Raises:
        Conflict: a payment is stored with other content, or a row belongs to another payment.
    """
    given = {(event.payment_id, content_digest(event)) for event in events}
    digests = dict(given)
    if len(digests) < len(given):
        raise Conflict("two approvals of one payment differ")
    unique = list({event.payment_id: event for event in events}.values())
    new = _insert_new_payments(connection, unique, digests)
    _refuse_other_content(
        connection, {event.payment_id for event in unique if event.payment_id not in new}, digests
    )
    _insert_rows(connection, [event for event in unique if event.payment_id in new])
    return new


def _insert_new_payments(
    connection: Connection, events: Sequence[PaymentApproved], digests: Mapping[UUID, str]
) -> set[UUID]:
    rows = run(
        connection,
        """
        INSERT INTO payment (
            payment_id, batch_id, amount_cents, row_count,
            source_account_id, source_routing, source_last4,
            employee_id, person_index,
            merchant_id, loan_last4,
            content, approved_at, status_at
        )
        SELECT *, approved_at
        FROM unnest(
            CAST(:payment_ids AS uuid[]), CAST(:batch_ids AS uuid[]),
            CAST(:amounts_cents AS bigint[]), CAST(:row_counts AS int[]),
            CAST(:source_account_ids AS text[]), CAST(:source_routings AS text[]),
            CAST(:source_last4s AS text[]),
            CAST(:employee_ids AS text[]), CAST(:person_indexes AS text[]),
            CAST(:merchant_ids AS text[]), CAST(:loan_last4s AS text[]),
            CAST(:digests AS text[]), CAST(:approved_ats AS timestamptz[])
        ) AS given(
            payment_id, batch_id, amount_cents, row_count,
            source_account_id, source_routing, source_last4,
            employee_id, person_index,
            merchant_id, loan_last4,
            content, approved_at
        )
        ON CONFLICT (payment_id) DO NOTHING
        RETURNING payment_id""",
        payment_ids=[str(e.payment_id) for e in events],
        batch_ids=[str(e.batch_id) for e in events],
        amounts_cents=[e.amount_cents for e in events],
        row_counts=[len(e.rows) for e in events],
        source_account_ids=[e.source_account_id for e in events],
        source_routings=[e.source_routing for e in events],
        source_last4s=[e.source_last4 for e in events],
        employee_ids=[e.employee_id for e in events],
        person_indexes=[e.person_index for e in events],
        merchant_ids=[e.merchant_id for e in events],
        loan_last4s=[e.loan_last4 for e in events],
        digests=[digests[e.payment_id] for e in events],
        approved_ats=[e.occurred_at for e in events],
    )
    return {row.payment_id for row in rows}


def _refuse_other_content(
    connection: Connection, payment_ids: Collection[UUID], digests: Mapping[UUID, str]
) -> None:
    if not payment_ids:
        return
    rows = run(
        connection,
        """
        SELECT payment_id, content
        FROM payment
        WHERE payment_id = ANY(CAST(:ids AS uuid[]))""",
        ids=[str(payment_id) for payment_id in payment_ids],
    )
    for row in rows:
        if row.content != digests[row.payment_id]:
            raise Conflict(f"payment {row.payment_id} was approved before with other content")


def _insert_rows(connection: Connection, events: Sequence[PaymentApproved]) -> None:
    rows = [(event.payment_id, row) for event in events for row in event.rows]
    try:
        run(
            connection,
            """
            INSERT INTO payment_row (row_id, payment_id, branch_id, amount_cents)
            SELECT *
            FROM unnest(
                CAST(:row_ids AS uuid[]), CAST(:payment_ids AS uuid[]),
                CAST(:branch_ids AS text[]), CAST(:amounts_cents AS bigint[])
            )""",
            row_ids=[str(row.row_id) for _, row in rows],
            payment_ids=[str(payment_id) for payment_id, _ in rows],
            branch_ids=[row.branch_id for _, row in rows],
            amounts_cents=[row.amount_cents for _, row in rows],
        )
    except IntegrityError:
        raise Conflict("a row belongs to another approved payment already") from None


def find_applied_versions(
    connection: Connection, payment_ids: Collection[UUID]
) -> dict[UUID, AppliedVersion]:
    """The last applied version of each of these payments that is approved here."""
    rows = run(
        connection,
        """
        SELECT payment_id, batch_id, amount_cents, version, status
        FROM payment
        WHERE payment_id = ANY(CAST(:ids AS uuid[]))""",
        ids=[str(payment_id) for payment_id in payment_ids],
    )
    return {
        row.payment_id: AppliedVersion(row.batch_id, row.amount_cents, row.version, row.status)
        for row in rows
    }


def update_payments(connection: Connection, changes: Sequence[PaymentChanged]) -> None:
    """Bring payments to the last of these changes, given in the order of versions.

    A second call with the same changes changes nothing.
    """
    last: dict[UUID, PaymentChanged] = {}
    # When the last status began. Several changes may come at once, and a rebuild gets them in
    # other portions, so it is the time of the change that brought the status.
    status_since: dict[UUID, datetime] = {}
    for change in changes:
        before = last.get(change.payment_id)
        if before is None or before.status != change.status:
            status_since[change.payment_id] = change.occurred_at
        last[change.payment_id] = change
    newest = list(last.values())
    run(
        connection,
        """
        UPDATE payment p
        SET version = c.version,
            status = c.status,
            status_at = CASE WHEN p.status = c.status THEN p.status_at ELSE c.status_at END,
            provider_payment_id = c.provider_payment_id,
            provider_status = coalesce(nullif(c.provider_status, ''), p.provider_status),
            merchant_id = coalesce(nullif(p.merchant_id, ''), c.merchant_id),
            reversal_id = coalesce(nullif(c.reversal_id, ''), p.reversal_id),
            return_under_way = c.return_under_way,
            reason_code = c.reason_code,
            reason = c.reason
        FROM unnest(
            CAST(:ids AS uuid[]), CAST(:versions AS int[]),
            CAST(:statuses AS text[]), CAST(:status_ats AS timestamptz[]),
            CAST(:provider_payment_ids AS text[]), CAST(:provider_statuses AS text[]),
            CAST(:merchant_ids AS text[]),
            CAST(:reversal_ids AS text[]), CAST(:returns_under_way AS boolean[]),
            CAST(:reason_codes AS text[]), CAST(:reasons AS text[])
        ) AS c(
            payment_id, version,
            status, status_at,
            provider_payment_id, provider_status,
            merchant_id,
            reversal_id, return_under_way,
            reason_code, reason
        )
        WHERE p.payment_id = c.payment_id""",
        ids=[str(c.payment_id) for c in newest],
        versions=[c.version for c in newest],
        statuses=[c.status for c in newest],
        status_ats=[status_since[c.payment_id] for c in newest],
        provider_payment_ids=[c.provider_payment_id for c in newest],
        provider_statuses=[c.provider_status for c in newest],
        merchant_ids=[c.merchant_id for c in newest],
        reversal_ids=[c.reversal_id for c in newest],
        returns_under_way=[c.return_under_way for c in newest],
        reason_codes=[c.reason_code for c in newest],
        reasons=[c.reason for c in newest],
    )
