"""After a restore: the batches that this database has forgotten, in whole or in part, are taken back from its own messages.

What was approved is approved: its rows, payments and claims come back, so that nothing of it can be approved a second time. What was not
approved has paid nothing: if the copy knows it, it is checked again; if not, it is discarded, and the file is uploaded again.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from libs.common.messaging.consumer import Beat
from libs.common.observability.logs import log
from libs.common.recovery.restore import RecoveryBlocked, RecoverySteps
from services.ingest.domain import APPROVED, payment_id
from services.ingest.staging import Secrets
from services.ingest.store import batches, payments
from services.ingest.store import rows as store_rows
from services.ingest.store.rows import Seal, Staged

WHO: Final = "paydown"
WHY: Final = "This database came back from a backup that did not hold the batch. Nothing of it was approved or paid; upload the file again."
PAGE: Final = 2_000
OVER: Final = ("discarded", "expired", "rejected")


def recovery_steps(secrets: Secrets) -> RecoverySteps:
    """What ingest does while it is held; the messages of others are applied only afterwards, when their batches are here again."""
    return RecoverySteps(
        before=lambda engine, first, beat: take_back(engine, secrets, first, beat), reads=False
    )


def take_back(engine: Engine, secrets: Secrets, first: int, beat: Beat = lambda: None) -> None:
    """Bring every batch to the newest state that was said of it, each in one transaction, in the order in which they were approved.

    Args:
        first: the outbox id above which the forgotten messages lie.

    Raises:
        Stuck: of an approved batch not all rows are on the topic; nothing may be approved without it.
    """
    with engine.connect() as connection:
        newest = [
            BatchChanged.model_validate_json(body)
            for body in run(
                connection,
                """
            SELECT DISTINCT ON (message_key) body FROM outbox WHERE id > :first AND message_type = :type
            ORDER BY message_key, CAST(CAST(body AS jsonb) ->> 'version' AS int) DESC""",
                first=first,
                type=BatchChanged.name(),
            ).scalars()
        ]
    newest.sort(key=lambda b: (b.approved_at or datetime.max.replace(tzinfo=UTC), b.uploaded_at))
    for header in (
        *[b for b in newest if b.approved_at is not None],
        *[b for b in newest if b.approved_at is None],
    ):
        beat()
        with engine.begin() as connection:
            known = run(
                connection,
                "SELECT * FROM batch WHERE batch_id = :id FOR UPDATE",
                id=header.batch_id,
            ).first()
            if known is not None and known.version >= header.version:
                continue
            if header.approved_at is not None:
                approved(connection, secrets, header, known, first)
            elif known is None:
                forgotten(connection, header)
            else:
                unapproved(connection, header, known, first)
            log.warning(
                "batch_taken_back",
                batch_id=str(header.batch_id),
                status=header.status,
                version=header.version,
            )
    ahead(engine, first)


def ahead(engine: Engine, first: int) -> None:
    """Batches of which rows were said under a revision that the batch itself was not said to have reached: checked again, under a later one."""
    with engine.begin() as connection:
        for row in run(
            connection,
            """
                SELECT b.batch_id, s.revision FROM batch b JOIN (
                    SELECT correlation, max(CAST(CAST(body AS jsonb) ->> 'revision' AS int)) AS revision FROM outbox
                    WHERE id > :first AND topic = :topic GROUP BY 1) s ON s.correlation = CAST(b.batch_id AS text)
                WHERE b.status IN ('checking', 'ready') AND s.revision >= b.revision ORDER BY 1 FOR UPDATE OF b""",
            first=first,
            topic=RowRead.topic.name,
        ).all():
            rows(connection, row.batch_id, first)
            check_again(connection, row.batch_id, row.revision)


def check_again(connection: Connection, batch_id: UUID, revision: int) -> None:
    """Send a batch that is checked or ready to the preflight, under a revision above this one."""
    run(
        connection,
        """
        UPDATE batch SET status = 'ready', digest = coalesce(digest, :none), revision = greatest(revision, :revision) WHERE batch_id = :id""",
        id=batch_id,
        revision=revision,
        none=f"sha256:{'0' * 64}",
    )
    batches.check_again(connection, batch_id, datetime.now(UTC))


def approved(
    connection: Connection, secrets: Secrets, header: BatchChanged, known: Any, first: int
) -> None:
    """A batch that was approved: its rows, approval, claims and payments as they were, and its newest state."""
    if known is None:
        insert(connection, header, "approved")
    if known is None or known.status in ("receiving", "reading"):
        stage(connection, secrets, header, first)
    if known is None or known.status not in APPROVED:
        rows(connection, header.batch_id, first)
        sources(connection, header)
        write_contributors(connection, header)
        run(
            connection,
            """
            UPDATE batch SET status = 'approved', digest = :digest, revision = :revision, row_messages = :messages WHERE batch_id = :id""",
            id=header.batch_id,
            digest=header.digest,
            revision=header.revision,
            messages=header.row_messages,
        )
        approve(connection, header)
    run(
        connection,
        "UPDATE batch SET status = :status, version = :version, reason = :reason WHERE batch_id = :id",
        id=header.batch_id,
        status=header.status,
        version=header.version,
        reason=header.reason,
    )


def insert(connection: Connection, header: BatchChanged, status: str) -> None:
    """The batch itself. Like a file taken on purpose it stands beside others of the same bytes; a new upload of them is refused all the same."""
    content = (
        None
        if header.parent_batch_id
        else header.content_sha256 or sha256(str(header.batch_id).encode()).hexdigest()
    )
    run(
        connection,
        """
        INSERT INTO batch (batch_id, family_id, parent_batch_id, status, version, revision, filename, period, content_sha256, made_because, uploaded_by,
                           uploaded_at, reason, digest, ready_at, row_messages)
        VALUES (:batch_id, :family_id, :parent, :status, :version, :revision, :filename, :period, :content, 'taken back after a restore', :by, :at, :reason,
                :digest, now(), :messages)""",
        batch_id=header.batch_id,
        family_id=header.family_id,
        parent=header.parent_batch_id,
        status=status,
        version=header.version,
        revision=header.revision,
        filename=header.filename,
        period=header.period,
        content=content,
        by=header.uploaded_by,
        at=header.uploaded_at,
        reason=header.reason,
        digest=header.digest,
        messages=header.row_messages,
    )


def said(connection: Connection, batch_id: UUID, first: int) -> Iterator[list[RowRead]]:
    """The newest message of each row of a batch, in portions."""
    found = run(
        connection,
        """
        SELECT DISTINCT ON (message_key) body FROM outbox WHERE id > :first AND topic = :topic AND correlation = :id
        ORDER BY message_key, CAST(CAST(body AS jsonb) ->> 'revision' AS int) DESC""",
        first=first,
        topic=RowRead.topic.name,
        id=str(batch_id),
    )
    bodies: list[str] = found.scalars().all()
    for at in range(0, len(bodies), PAGE):
        yield [RowRead.model_validate_json(body) for body in bodies[at : at + PAGE]]


def stage(connection: Connection, secrets: Secrets, header: BatchChanged, first: int) -> None:
    """The rows of a batch that the copy does not know, with their seals. What the file said where it was normalised is lost, and the lines."""
    count = 0
    for part in said(connection, header.batch_id, first):
        store_rows.copy(connection, Staged, [staged(secrets, row) for row in part])
        store_rows.copy(
            connection,
            Seal,
            [
                Seal(row.row_id, row.first_name, row.last_name, row.dob, row.phone, row.loan, "")
                for row in part
            ],
        )
        count += len(part)
    if count != header.rows.total:
        raise RecoveryBlocked(
            f"Batch {header.batch_id} was approved, but only {count} of its {header.rows.total} rows are on the topic. A person must look."
        )


def staged(secrets: Secrets, row: RowRead) -> Staged:
    """A row as it was staged when the file was read, its personal values opened for their comparison with other batches."""

    def opened(field: str) -> str:
        sealed = str(getattr(row, field))
        return secrets.sealer.decrypt(sealed, field, str(row.row_id)) if sealed else ""

    born, phone = opened("dob"), opened("phone")
    return Staged(
        row.row_id,
        row.root_row_id,
        row.batch_id,
        row.file_row,
        0,
        row.status,
        row.reason_code,
        row.reason,
        payment_id(row.batch_id, row.file_row),
        row.employee_id,
        row.branch_id,
        row.source_account_id,
        row.institution_id,
        opened("first_name"),
        opened("last_name"),
        row.loan_last4,
        row.loan_index,
        row.person_index,
        secrets.index.digest("dob", born) if born else "",
        secrets.index.digest("phone", phone) if phone else "",
        row.amount_text,
        row.amount_cents,
    )


def rows(connection: Connection, batch_id: UUID, first: int) -> None:
    """Every row as it was last said, and the totals."""
    for part in said(connection, batch_id, first):
        run(
            connection,
            """
            UPDATE batch_row r SET status = n.status, reason_code = n.code, reason = n.reason, merchant_id = n.merchant, payment_id = n.payment,
                   source_account_id = n.source, revision = n.revision
            FROM unnest(CAST(:ids AS uuid[]), CAST(:statuses AS text[]), CAST(:codes AS text[]), CAST(:reasons AS text[]), CAST(:merchants AS text[]),
                        CAST(:payments AS uuid[]), CAST(:sources AS text[]), CAST(:revisions AS int[]))
                 AS n(row_id, status, code, reason, merchant, payment, source, revision)
            WHERE r.row_id = n.row_id AND r.revision < n.revision""",
            ids=[str(r.row_id) for r in part],
            statuses=[r.status for r in part],
            codes=[r.reason_code for r in part],
            reasons=[r.reason for r in part],
            merchants=[r.merchant_id for r in part],
            payments=[str(r.payment_id) if r.payment_id else None for r in part],
            sources=[r.source_account_id for r in part],
            revisions=[r.revision for r in part],
        )
    store_rows.total(connection, batch_id)


def sources(connection: Connection, header: BatchChanged) -> None:
    """The source accounts, with the addresses as they were corrected."""
    for one in header.sources:
        if one.source_account_id and one.account:
            run(
                connection,
                """
                INSERT INTO batch_source (batch_id, source_account_id, payor_name, dba, ein, aba_routing, account_last4, account, account_index, line1, city,
                                          state, zip)
                VALUES (:id, :source, :name, :dba, :ein, :routing, :last4, :account, :index, :line1, :city, :state, :zip)
                ON CONFLICT (batch_id, source_account_id) DO UPDATE SET line1 = excluded.line1, city = excluded.city, state = excluded.state,
                    zip = excluded.zip""",
                id=header.batch_id,
                source=one.source_account_id,
                name=one.payor_name,
                dba=one.dba,
                ein=one.ein,
                routing=one.aba_routing,
                last4=one.account_last4,
                account=one.account,
                index=one.account_index,
                **one.address.model_dump(),
            )


def write_contributors(connection: Connection, header: BatchChanged) -> None:
    """Who had a hand in the batch still has: for those whose corrections are forgotten a line is written that says so."""
    run(
        connection,
        """
        INSERT INTO correction (batch_id, source_account_id, field, from_value, to_value, corrected_by, corrected_at)
        SELECT s.batch_id, s.source_account_id, 'address', '', 'taken back after a restore', p.person, now()
        FROM (SELECT * FROM batch_source WHERE batch_id = :id ORDER BY source_account_id LIMIT 1) s,
             (SELECT unnest(CAST(:people AS text[])) AS person EXCEPT SELECT barred(:id)) p""",
        id=header.batch_id,
        people=list(header.barred),
    )


def approve(connection: Connection, header: BatchChanged) -> None:
    """The approval with its claims and payments. It was valid, so whatever holds its claims or rows here had given them back by then."""
    batch_id = header.batch_id
    run(
        connection,
        """
        INSERT INTO approval (batch_id, digest, approved_by, approved_at, acknowledged, one_person, payments, payments_cents)
        VALUES (:id, :digest, :by, :at, '{}', :one_person, :payments, :cents)""",
        id=batch_id,
        digest=header.digest,
        by=header.approved_by,
        at=header.approved_at,
        one_person=header.one_person,
        payments=header.payments,
        cents=header.payments_cents,
    )
    run(
        connection,
        """
        INSERT INTO include (row_id, batch_id, was, reason, included_by, included_at)
        SELECT row_id, batch_id, reason, reason, :by, :at FROM batch_row WHERE batch_id = :id AND status = 'payable' AND reason_code = 'included'
        ON CONFLICT DO NOTHING""",
        id=batch_id,
        by=header.approved_by,
        at=header.approved_at,
    )
    run(
        connection,
        """
        UPDATE payment_row p SET released = true FROM batch_row r
        WHERE r.batch_id = :id AND r.status = 'payable' AND p.root_row_id = r.root_row_id AND NOT p.released""",
        id=batch_id,
    )
    run(
        connection,
        """
        INSERT INTO claim AS c (period, employee_id, loan_index, family_id, batch_id)
        SELECT DISTINCT CAST(:period AS date), r.employee_id, r.loan_index, CAST(:family AS uuid), r.batch_id FROM batch_row r
        WHERE r.batch_id = :id AND r.status = 'payable' AND NOT EXISTS (SELECT FROM include i WHERE i.row_id = r.row_id)
        ON CONFLICT (period, employee_id, loan_index) DO UPDATE SET family_id = excluded.family_id, batch_id = excluded.batch_id""",
        id=batch_id,
        period=date.fromisoformat(header.period),
        family=header.family_id,
    )
    batch = batches.find(connection, batch_id)
    payments.add_payments(connection, batch)
    payments.publish_payments(connection, batch, header.approved_at or datetime.now(UTC))
    found = run(
        connection,
        "SELECT count(*) AS payments, coalesce(sum(amount_cents), 0) AS cents FROM payment WHERE batch_id = :id",
        id=batch_id,
    ).one()
    if (found.payments, found.cents) != (header.payments, header.payments_cents):
        raise RecoveryBlocked(
            f"Batch {batch_id}: its rows make {found.payments} payments of {found.cents} cents, approved were {header.payments} of "
            f"{header.payments_cents}. A person must look."
        )


def forgotten(connection: Connection, header: BatchChanged) -> None:
    """A batch that nobody approved and the copy does not know: it ends here, whatever the others have heard of it."""
    insert(connection, header, "discarded")
    run(
        connection,
        "UPDATE batch SET reason = :why WHERE batch_id = :id",
        id=header.batch_id,
        why=WHY,
    )
    run(
        connection,
        "INSERT INTO discard (batch_id, reason, discarded_by, discarded_at) VALUES (:id, :why, :who, now())",
        id=header.batch_id,
        why=WHY,
        who=WHO,
    )
    batches.publish(connection, header.batch_id, datetime.now(UTC))


def unapproved(connection: Connection, header: BatchChanged, known: Any, first: int) -> None:
    """A batch that the copy knows and nobody has approved since: it ended, or it is checked again under a new revision."""
    run(
        connection,
        "UPDATE batch SET version = :version, revision = greatest(revision, :revision) WHERE batch_id = :id",
        id=header.batch_id,
        version=header.version,
        revision=header.revision,
    )
    if header.status in OVER:
        run(
            connection,
            """UPDATE batch SET status = :status, reason = :reason,
                                  error_code = CASE WHEN :status = 'rejected' THEN coalesce(error_code, 'file.rejected') ELSE error_code END
                           WHERE batch_id = :id""",
            id=header.batch_id,
            status=header.status,
            reason=header.reason,
        )
        if header.status == "discarded":
            run(
                connection,
                """INSERT INTO discard (batch_id, reason, discarded_by, discarded_at) VALUES (:id, :why, :who, now())
                               ON CONFLICT DO NOTHING""",
                id=header.batch_id,
                why=header.reason or "discarded",
                who=WHO,
            )
    elif known.status in ("checking", "ready"):
        rows(connection, header.batch_id, first)
        write_contributors(connection, header)
        check_again(connection, header.batch_id, header.revision)
