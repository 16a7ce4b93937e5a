"""Approvals, claims and payments in the database. What two people must not both do is decided here by unique keys and row locks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from libs.common.contracts.events.payments import PaymentApproved
from libs.common.database.engine import run
from services.ingest import handlers
from services.ingest.domain import Approval, Batch, Refused
from services.ingest.store.batches import UnknownBatch

PAGE: Final = 5_000
UNIQUE_VIOLATION: Final = "23505"


class ClaimsMoved(Exception):
    """Rows of the batch were approved in another one since it became ready: nothing is approved, it must be checked again."""


def to_acknowledge(connection: Connection, batch_id: UUID) -> list[str]:
    """The warnings of a batch, by code."""
    return list(
        run(
            connection,
            "SELECT DISTINCT code FROM issue WHERE batch_id = :id AND outcome = 'warning' ORDER BY 1",
            id=batch_id,
        ).scalars()
    )


def payable(connection: Connection, batch_id: UUID) -> int:
    """How many rows of a batch would be paid."""
    return int(
        run(
            connection,
            "SELECT count(*) FROM batch_row WHERE batch_id = :id AND status = 'payable'",
            id=batch_id,
        ).scalar()
        or 0
    )


def include(connection: Connection, batch: Batch, approval: Approval, now: datetime) -> int:
    """Make excluded rows payable by the approver's act, as a new revision of these rows; how many. What they were is kept.

    Raises:
        Refused: one of them is not an excluded row of this batch; roll back.
    """
    if not approval.include:
        return 0
    ids, reasons = (
        [one.row_id for one in approval.include],
        [one.reason for one in approval.include],
    )
    kept: int = run(
        connection,
        """
        INSERT INTO include (row_id, batch_id, was, reason, included_by, included_at)
        SELECT r.row_id, r.batch_id, r.reason, n.reason, :person, :now
        FROM unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[])) AS n(row_id, reason) JOIN batch_row r USING (row_id)
        WHERE r.batch_id = :id AND r.status = 'excluded' AND r.reason_code = 'already_in_period'""",
        ids=ids,
        reasons=reasons,
        id=batch.batch_id,
        person=approval.person,
        now=now,
    ).rowcount
    if kept != len(ids):
        raise Refused(
            "conflict",
            "approval.include",
            "A row to include is not a row of this batch that was excluded for its pay period.",
            "Look at the excluded rows again.",
        )
    run(
        connection,
        "UPDATE batch SET revision = revision + 1 WHERE batch_id = :id",
        id=batch.batch_id,
    )
    run(
        connection,
        """
        UPDATE batch_row r SET status = 'payable', revision = :revision, payment_id = f.payment_id, reason_code = 'included',
            reason = 'taken in by ' || :person || ', was ' || r.reason || ': ' || f.reason
        FROM (SELECT x.row_id, i.reason, first_value(x.own_payment_id) OVER (PARTITION BY x.source_account_id, x.employee_id, x.loan_index
                                                                             ORDER BY x.file_row) AS payment_id
              FROM batch_row x JOIN include i USING (row_id) WHERE x.batch_id = :id) f
        WHERE r.row_id = f.row_id""",
        id=batch.batch_id,
        revision=batch.revision + 1,
        person=approval.person,
    )
    return kept


def mark_approved(
    connection: Connection,
    batch: Batch,
    approval: Approval,
    one_person: bool,
    row_messages: int,
    now: datetime,
) -> bool:
    """Approve the batch if it still is what was seen. False: it is not; nothing changed.

    Args:
        one_person: the rule that another person approves is off. It is kept with the approval and told, whoever the approver is.
    """
    moved = run(
        connection,
        """
        UPDATE batch SET status = 'approved', row_messages = row_messages + :row_messages
        WHERE batch_id = :id AND status = 'ready' AND digest = :digest""",
        id=batch.batch_id,
        digest=approval.digest,
        row_messages=row_messages,
    ).rowcount
    if moved:
        run(
            connection,
            """
            INSERT INTO approval (batch_id, digest, approved_by, approved_at, acknowledged, one_person, payments, payments_cents)
            SELECT :id, :digest, :person, :now, :acknowledged, :one_person, count(DISTINCT payment_id), sum(amount_cents)
            FROM batch_row WHERE batch_id = :id AND status = 'payable'""",
            id=batch.batch_id,
            digest=approval.digest,
            person=approval.person,
            now=now,
            acknowledged=sorted(approval.acknowledge),
            one_person=one_person,
        )
    return bool(moved)


def take_claims(connection: Connection, batch: Batch) -> None:
    """Claim (period, employee, loan) of every payable row for the batch's family; rows the approver took in by name need none.

    Locked in one order, so that two approvals wait for each other and never deadlock.

    Raises:
        ClaimsMoved: another family holds one of them by now; roll back.
    """
    counted = run(
        connection,
        """
        WITH wanted AS (
                SELECT DISTINCT r.employee_id, r.loan_index FROM batch_row r
                WHERE r.batch_id = :id AND r.status = 'payable' AND NOT EXISTS (SELECT FROM include i WHERE i.row_id = r.row_id)),
             taken AS (
                INSERT INTO claim AS c (period, employee_id, loan_index, family_id, batch_id)
                SELECT :period, employee_id, loan_index, :family, :id FROM wanted ORDER BY 2, 3
                ON CONFLICT (period, employee_id, loan_index) DO UPDATE SET family_id = c.family_id WHERE c.family_id = excluded.family_id
                RETURNING 1)
        SELECT (SELECT count(*) FROM wanted) AS wanted, (SELECT count(*) FROM taken) AS taken""",
        id=batch.batch_id,
        period=batch.period,
        family=batch.family_id,
    ).one()
    if counted.wanted != counted.taken:
        raise ClaimsMoved


def add_payments(connection: Connection, batch: Batch) -> None:
    """Write the payments of an approved batch and which rows each one pays.

    Raises:
        ClaimsMoved: a row's root is in a live payment by now; roll back.
    """
    run(
        connection,
        """
        INSERT INTO payment (payment_id, batch_id, period, source_account_id, employee_id, loan_index, amount_cents)
        SELECT payment_id, batch_id, :period, source_account_id, employee_id, loan_index, sum(amount_cents)
        FROM batch_row WHERE batch_id = :id AND status = 'payable' GROUP BY 1, 2, 4, 5, 6""",
        id=batch.batch_id,
        period=batch.period,
    )
    try:
        run(
            connection,
            """
            INSERT INTO payment_row (row_id, payment_id, root_row_id, amount_cents)
            SELECT row_id, payment_id, root_row_id, amount_cents FROM batch_row WHERE batch_id = :id AND status = 'payable' ORDER BY root_row_id""",
            id=batch.batch_id,
        )
    except IntegrityError as error:
        if getattr(error.orig, "pgcode", None) == UNIQUE_VIOLATION:
            raise ClaimsMoved from error
        raise
    run(
        connection,
        """
        INSERT INTO person (employee_id, row_id) SELECT DISTINCT ON (employee_id) employee_id, row_id FROM batch_row
        WHERE batch_id = :id AND status = 'payable' ORDER BY employee_id, file_row
        ON CONFLICT (employee_id) DO UPDATE SET row_id = excluded.row_id""",
        id=batch.batch_id,
    )


def publish_payments(connection: Connection, batch: Batch, now: datetime) -> None:
    """Write the PaymentApproved messages of an approved batch, made by the database as those of its rows are; one that is there already stays."""
    ids: list[str] = (
        run(
            connection,
            "SELECT payment_id::text FROM payment WHERE batch_id = :id ORDER BY payment_id",
            id=batch.batch_id,
        )
        .scalars()
        .all()
    )
    for start in range(0, len(ids), PAGE):
        part = ids[start : start + PAGE]
        run(
            connection,
            """
            INSERT INTO outbox (event_id, topic, message_key, message_type, correlation, body)
            SELECT m.event_id, :topic, m.payment_id::text, :type, m.correlation, row_to_json(m)::text
            FROM (
                SELECT :type AS type, e.event_id, :now AS occurred_at, CAST(:id AS text) AS correlation, r.payment_id, CAST(:id AS text) AS batch_id,
                    :digest AS digest, :period AS period, sum(r.amount_cents) AS amount_cents,
                    json_agg(json_build_object('row_id', r.row_id, 'root_row_id', r.root_row_id, 'file_row', r.file_row, 'branch_id', r.branch_id,
                                               'amount_cents', r.amount_cents) ORDER BY r.file_row) AS rows,
                    r.source_account_id, s.account_index, s.aba_routing AS source_routing, s.account_last4 AS source_last4,
                    r.employee_id, (array_agg(r.person_index ORDER BY r.file_row))[1] AS person_index,
                    min(r.institution_id) AS institution_id, min(r.merchant_id) AS merchant_id,
                    min(r.loan_last4) AS loan_last4, r.loan_index, :by AS approved_by, :at AS approved_at
                FROM unnest(CAST(:payments AS uuid[]), CAST(:events AS uuid[])) AS e(payment_id, event_id)
                    JOIN payment_row p USING (payment_id) JOIN batch_row r USING (row_id)
                    JOIN batch_source s ON s.batch_id = r.batch_id AND s.source_account_id = r.source_account_id
                GROUP BY e.event_id, r.payment_id, r.source_account_id, s.account_index, s.aba_routing, s.account_last4, r.employee_id, r.loan_index) m
            ORDER BY m.payment_id ON CONFLICT (event_id) DO NOTHING""",
            id=str(batch.batch_id),
            payments=part,
            events=handlers.event_ids(part, "approved"),
            topic=PaymentApproved.topic.name,
            type=PaymentApproved.name(),
            now=now.isoformat(),
            digest=batch.digest,
            period=batch.period.isoformat(),
            by=batch.approved_by,
            at=batch.approved_at.isoformat() if batch.approved_at else None,
        )
    run(connection, "SELECT pg_notify('outbox', '')")


def end_payments(connection: Connection, ended: Mapping[UUID, str]) -> None:
    """Payments that failed, were cancelled or were reversed. The rows of the first two are free, and their claims with the last of them.

    A second call changes nothing; what was reversed stays claimed, and failed stays failed.

    Raises:
        UnknownBatch: a payment was never approved here.
    """
    if not ended:
        return
    ids = list(ended)
    known = run(
        connection,
        "SELECT count(*) FROM payment WHERE payment_id = ANY(CAST(:ids AS uuid[]))",
        ids=ids,
    ).scalar()
    if known != len(ids):
        raise UnknownBatch("a payment was never approved here")
    run(
        connection,
        """
        UPDATE payment p SET status = n.status FROM unnest(CAST(:ids AS uuid[]), CAST(:statuses AS text[])) AS n(payment_id, status)
        WHERE p.payment_id = n.payment_id AND p.status = 'live'""",
        ids=ids,
        statuses=list(ended.values()),
    )
    freed = run(
        connection,
        """
        UPDATE payment_row r SET released = true FROM payment p
        WHERE r.payment_id = p.payment_id AND p.payment_id = ANY(CAST(:ids AS uuid[])) AND p.status IN ('failed', 'cancelled') AND NOT r.released""",
        ids=ids,
    ).rowcount
    if freed:
        release_claims(connection, ids)


def release_claims(connection: Connection, payment_ids: Sequence[UUID]) -> None:
    """Drop the claims behind these payments that no live or reversed payment stands on any more.

    Locked first and looked at afterwards: an approval that adds a payment to a claim has either ended by then, and is seen, or finds it gone.
    """
    run(
        connection,
        """
        SELECT 1 FROM claim c WHERE (period, employee_id, loan_index) IN (
            SELECT period, employee_id, loan_index FROM payment WHERE payment_id = ANY(CAST(:ids AS uuid[])))
        ORDER BY employee_id, loan_index FOR UPDATE""",
        ids=list(payment_ids),
    )
    run(
        connection,
        """
        DELETE FROM claim c USING payment p
        WHERE p.payment_id = ANY(CAST(:ids AS uuid[])) AND (c.period, c.employee_id, c.loan_index) = (p.period, p.employee_id, p.loan_index)
            AND NOT EXISTS (SELECT FROM payment q WHERE q.employee_id = c.employee_id AND q.loan_index = c.loan_index AND q.period = c.period
                            AND q.status NOT IN ('failed', 'cancelled'))""",
        ids=list(payment_ids),
    )
