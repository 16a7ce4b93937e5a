"""What comes in from the topics: batches, rows, approved payments, webhooks' hints. Only rows are written here; nothing is sent."""

import json
from collections.abc import Sequence
from typing import cast

from sqlalchemy import Connection

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.contracts.events.provider import ProviderEventReceived
from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from services.dispatcher.recovery import own_messages

LIVE = ("checking", "ready", "approved", "paying", "paused")


class RowPaidTwice(Reject):
    """A row of an approved payment already has a live payment. Nothing was written; a person must look."""

    code = "dispatcher.row-paid-twice"


def batches(connection: Connection, events: Sequence[Event]) -> None:
    """Keep the newest version of each batch and its sources; an older or repeated version changes nothing."""
    for event in sorted(cast("Sequence[BatchChanged]", events), key=lambda e: e.version):
        newer = run(
            connection,
            """
            INSERT INTO batch (batch_id, version, status, revision, digest, period, row_messages, payments, payments_cents, institutions, barred)
            VALUES (:batch_id, :version, :status, :revision, :digest, :period, :row_messages, :payments, :cents, CAST(:institutions AS text[]),
                    CAST(:barred AS text[]))
            ON CONFLICT (batch_id) DO UPDATE SET version = excluded.version, status = excluded.status, digest = excluded.digest,
                row_messages = excluded.row_messages, payments = excluded.payments, payments_cents = excluded.payments_cents,
                institutions = excluded.institutions, barred = excluded.barred, changed_at = now(), revision = excluded.revision,
                preflight_since = CASE WHEN batch.revision < excluded.revision THEN NULL ELSE batch.preflight_since END
            WHERE batch.version < excluded.version RETURNING 1""",
            batch_id=event.batch_id,
            version=event.version,
            status=event.status,
            revision=event.revision,
            digest=event.digest,
            period=event.period,
            row_messages=event.row_messages,
            payments=event.payments,
            cents=event.payments_cents,
            institutions=list(event.institutions),
            barred=[] if event.one_person else list(event.barred),
        ).first()
        if newer:
            sources(connection, event)


def sources(connection: Connection, event: BatchChanged) -> None:
    """The batch's source accounts, with addresses as corrected so far."""
    made = [
        {
            **s.model_dump(
                include={
                    "source_account_id",
                    "ein",
                    "payor_name",
                    "dba",
                    "account",
                    "account_index",
                }
            ),
            "address": s.address.model_dump(),
            "routing": s.aba_routing,
            "last4": s.account_last4,
        }
        for s in event.sources
        if s.source_account_id and s.account
    ]
    run(
        connection,
        """
        INSERT INTO source (batch_id, source_account_id, ein, payor_name, dba, address, routing, last4, account, account_index)
        SELECT :batch_id, x.* FROM jsonb_to_recordset(CAST(:made AS jsonb)) AS x(source_account_id text, ein text, payor_name text, dba text,
               address jsonb, routing text, last4 text, account text, account_index text)
        ON CONFLICT (batch_id, source_account_id) DO UPDATE SET address = excluded.address""",
        batch_id=event.batch_id,
        made=json.dumps(made),
    )


ROW_FIELDS = (
    "row_id",
    "batch_id",
    "revision",
    "status",
    "employee_id",
    "person_index",
    "institution_id",
    "merchant_id",
    "loan_index",
    "first_name",
    "last_name",
    "dob",
    "phone",
    "loan",
)


def rows(connection: Connection, events: Sequence[Event]) -> None:
    """Keep the newest revision of each row, and count the messages per batch: who reads rows waits until all announced came."""
    newest: dict[str, RowRead] = {}
    counts: dict[str, int] = {}
    for event in cast("Sequence[RowRead]", events):
        counts[str(event.batch_id)] = counts.get(str(event.batch_id), 0) + 1
        if str(event.row_id) not in newest or newest[str(event.row_id)].revision < event.revision:
            newest[str(event.row_id)] = event
    kinds = {"row_id": "uuid[]", "batch_id": "uuid[]", "revision": "int[]"}
    arrays = ", ".join(f"CAST(:{name} AS {kinds.get(name, 'text[]')})" for name in ROW_FIELDS)
    run(
        connection,
        f"""
        INSERT INTO batch_row ({", ".join(ROW_FIELDS)}) SELECT * FROM unnest({arrays})
        ON CONFLICT (row_id) DO UPDATE SET revision = excluded.revision, status = excluded.status, merchant_id = excluded.merchant_id
        WHERE batch_row.revision < excluded.revision""",  # noqa: S608 - names from the tuple above
        **{
            name: [
                str(v) if name.endswith("_id") else v
                for v in (getattr(e, name) for e in newest.values())
            ]
            for name in ROW_FIELDS
        },
    )
    run(
        connection,
        """
        INSERT INTO row_count (batch_id, messages) SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:counts AS int[]))
        ON CONFLICT (batch_id) DO UPDATE SET messages = row_count.messages + excluded.messages""",
        ids=list(counts),
        counts=list(counts.values()),
    )


def payments(connection: Connection, events: Sequence[Event]) -> None:
    """Keep approved payments, unsent. A payment that is there already changes nothing.

    Raises:
        RowPaidTwice: one of its rows has another live payment.
        Reject: it is not its rows, not what came before, or not among those its batch announced.
    """
    approved = cast("Sequence[PaymentApproved]", events)
    made = [
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
        }
        for e in approved
    ]
    wrong = [e for e in approved if e.amount_cents != sum(r.amount_cents for r in e.rows)]
    if wrong:
        raise Reject(
            f"payment {wrong[0].payment_id} is not the sum of its rows", "dispatcher.amount"
        )
    new = run(
        connection,
        """
        INSERT INTO payment (payment_id, batch_id, digest, amount_cents, row_id, source_account_id, account_index, employee_id, person_index,
                             institution_id, merchant_id, loan_index)
        SELECT * FROM jsonb_to_recordset(CAST(:made AS jsonb)) AS x(payment_id uuid, batch_id uuid, digest text, amount_cents bigint, row_id uuid,
               source_account_id text, account_index text, employee_id text, person_index text, institution_id text, merchant_id text, loan_index text)
        ON CONFLICT DO NOTHING RETURNING payment_id, CAST(batch_id AS text) AS batch_id""",
        made=json.dumps(made),
    ).all()
    spoken_of = own_messages.spoken_of(connection, [row.payment_id for row in new])
    unheard = {row.batch_id for row in new if row.payment_id not in spoken_of}
    if run(
        connection,
        "SELECT 1 FROM batch WHERE batch_id = ANY(CAST(:new AS uuid[])) AND state = 'paying' LIMIT 1",
        new=sorted(unheard),
    ).first():
        raise Reject(
            "the batch is being paid already: all payments that its approval announced were here before",
            "dispatcher.not-announced",
        )
    kept = run(
        connection,
        """
        SELECT count(*) FROM payment p JOIN jsonb_to_recordset(CAST(:made AS jsonb)) AS x(payment_id uuid, amount_cents bigint, loan_index text)
        USING (payment_id) WHERE p.amount_cents = x.amount_cents AND p.loan_index = x.loan_index""",
        made=json.dumps(made),
    ).scalar()
    if kept != len(made):
        raise Reject(
            "a payment is here already with other money, or another payment of this batch pays the same loan from the same source",
            "dispatcher.payment-conflict",
        )
    parts = [
        {
            "root_row_id": str(r.root_row_id),
            "payment_id": str(e.payment_id),
            "row_id": str(r.row_id),
        }
        for e in approved
        for r in e.rows
    ]
    run(
        connection,
        """
        INSERT INTO payment_row (root_row_id, payment_id, row_id, live)
        SELECT x.*, x.payment_id <> ALL(CAST(:ended AS uuid[]))
        FROM jsonb_to_recordset(CAST(:parts AS jsonb)) AS x(root_row_id uuid, payment_id uuid, row_id uuid) ON CONFLICT DO NOTHING""",
        parts=json.dumps(parts),
        ended=own_messages.ended(connection, spoken_of),
    )
    count = run(
        connection,
        """
        SELECT count(*) FROM payment_row p JOIN jsonb_to_recordset(CAST(:parts AS jsonb)) AS x(root_row_id uuid, payment_id uuid, row_id uuid)
        ON p.payment_id = x.payment_id AND p.row_id = x.row_id AND p.root_row_id = x.root_row_id""",
        parts=json.dumps(parts),
    ).scalar()
    if count != len(parts):
        raise RowPaidTwice(
            f"{len(parts) - int(count or 0)} rows of these payments have another live payment"
        )
    if spoken_of:
        own_messages.payments(connection, own_messages.first_of(connection), spoken_of)


def hints(connection: Connection, events: Sequence[Event]) -> None:
    """A webhook makes us look sooner; what it is about may not be known here yet."""
    newest = {
        e.provider_id: e.provider_event for e in cast("Sequence[ProviderEventReceived]", events)
    }
    run(
        connection,
        """
        WITH given AS (SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:events AS text[])) AS g(provider_id, provider_event)),
             known AS (UPDATE payment p SET poll_due_at = least(poll_due_at, now()), hint = given.provider_event FROM given
                       WHERE p.provider_id = given.provider_id AND p.status <> 'cancelled' RETURNING p.provider_id)
        INSERT INTO hint (provider_id, provider_event) SELECT provider_id, provider_event FROM given
        WHERE provider_id LIKE 'pmt%' AND provider_id NOT IN (SELECT provider_id FROM known) ON CONFLICT DO NOTHING""",
        ids=list(newest),
        events=list(newest.values()),
    )
