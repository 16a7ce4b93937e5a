"""Payments, what waits, and journals: everything the ledger writes while events flow. Set-based, never a query per event."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from libs.common.contracts.errors import Reject
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved, PaymentChanged
from libs.common.database.engine import run
from services.ledger.domain import Entry, Journal, journal_id
from services.ledger.handlers import Conflict, Position, content


class JournalRefused(Reject):
    """The database refused a journal (a second final, other money than its hold, …). Nothing was written; a person looks."""

    code = "ledger.journal-refused"


def lock_batches(connection: Connection, batch_ids: Iterable[UUID]) -> None:
    """Wait until no other transaction works on these batches, and keep the others out until this one ends.

    An approval and a status of the same payment come by different topics: without this each could miss the other's row and the
    status would wait for ever. The balance row of a batch's source makes them take turns anyway.
    """
    keys = sorted({int.from_bytes(batch_id.bytes[:8], signed=True) for batch_id in batch_ids})
    run(
        connection,
        "SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key",
        keys=keys,
    )


def put_batches(connection: Connection, events: Sequence[BatchChanged]) -> None:
    """Keep the newest version of each batch; older ones change nothing.

    Raises:
        Conflict: the version that is kept came again with other content.
    """
    newest: dict[UUID, BatchChanged] = {}
    for event in events:
        if event.batch_id not in newest or newest[event.batch_id].version < event.version:
            newest[event.batch_id] = event
    for event in newest.values():  # a handful: one per batch
        given = content(event)
        run(
            connection,
            """
            INSERT INTO batch (batch_id, version, status, payments, payments_cents, row_counts, amounts_cents, payable_by_source,
                               payable_by_branch, content, changed_at)
            VALUES (:batch_id, :version, :status, :payments, :payments_cents, CAST(:row_counts AS jsonb), CAST(:amounts_cents AS jsonb),
                    CAST(:sources AS jsonb), CAST(:branches AS jsonb), :content, :changed_at)
            ON CONFLICT (batch_id) DO UPDATE SET version = excluded.version, status = excluded.status, payments = excluded.payments,
                payments_cents = excluded.payments_cents, row_counts = excluded.row_counts, amounts_cents = excluded.amounts_cents,
                payable_by_source = excluded.payable_by_source, payable_by_branch = excluded.payable_by_branch,
                content = excluded.content, changed_at = excluded.changed_at
            WHERE batch.version < excluded.version""",
            batch_id=event.batch_id,
            version=event.version,
            status=event.status,
            payments=event.payments,
            payments_cents=event.payments_cents,
            row_counts=event.rows.model_dump_json(),
            amounts_cents=event.amount_cents.model_dump_json(),
            sources=payable(
                (s.source_account_id, s.rows.payable, s.amount_cents.payable) for s in event.sources
            ),
            branches=payable(
                (b.branch_id, b.rows.payable, b.amount_cents.payable) for b in event.branches
            ),
            content=given,
            changed_at=event.occurred_at,
        )
        kept = run(
            connection, "SELECT version, content FROM batch WHERE batch_id = :id", id=event.batch_id
        ).one()
        if kept.version == event.version and kept.content != given:
            raise Conflict(f"batch {event.batch_id} has two versions {event.version}")


def payable(parts: Iterable[tuple[str, int, int]]) -> str:
    """JSON object of id -> [rows, cents] of what is payable; ids with nothing payable are left out."""
    return json.dumps({part_id: [rows, cents] for part_id, rows, cents in parts if rows})


def put_payments(connection: Connection, events: Sequence[PaymentApproved]) -> set[UUID]:
    """Write approved payments and their rows; the ids of those that are new.

    Raises:
        Conflict: a payment is there with other content, or a row belongs to another payment already.
    """
    contents = {event.payment_id: content(event) for event in events}
    if any(contents[event.payment_id] != content(event) for event in events):
        raise Conflict("two approvals of one payment differ")
    unique = list({event.payment_id: event for event in events}.values())
    columns = [
        {
            "payment_id": str(e.payment_id),
            "batch_id": str(e.batch_id),
            "amount_cents": e.amount_cents,
            "row_count": len(e.rows),
            "source_account_id": e.source_account_id,
            "source_routing": e.source_routing,
            "source_last4": e.source_last4,
            "employee_id": e.employee_id,
            "person_index": e.person_index,
            "merchant_id": e.merchant_id,
            "loan_last4": e.loan_last4,
            "content": contents[e.payment_id],
            "approved_at": e.occurred_at,
        }
        for e in unique
    ]
    new = {
        row.payment_id
        for row in run(
            connection,
            """
        INSERT INTO payment (payment_id, batch_id, amount_cents, row_count, source_account_id, source_routing, source_last4, employee_id,
                             person_index, merchant_id, loan_last4, content, approved_at, status_at)
        SELECT *, approved_at FROM unnest(
            CAST(:payment_id AS uuid[]), CAST(:batch_id AS uuid[]), CAST(:amount_cents AS bigint[]), CAST(:row_count AS int[]),
            CAST(:source_account_id AS text[]), CAST(:source_routing AS text[]), CAST(:source_last4 AS text[]), CAST(:employee_id AS text[]),
            CAST(:person_index AS text[]), CAST(:merchant_id AS text[]), CAST(:loan_last4 AS text[]), CAST(:content AS text[]),
            CAST(:approved_at AS timestamptz[])) AS p(payment_id, batch_id, amount_cents, row_count, source_account_id, source_routing,
            source_last4, employee_id, person_index, merchant_id, loan_last4, content, approved_at)
        ON CONFLICT (payment_id) DO NOTHING RETURNING payment_id""",
            **_columns(columns),
        )
    }
    again = [event for event in unique if event.payment_id not in new]
    if again:
        rows = run(
            connection,
            "SELECT payment_id, content FROM payment WHERE payment_id = ANY(CAST(:ids AS uuid[]))",
            ids=[str(e.payment_id) for e in again],
        )
        for row in rows:
            if row.content != contents[row.payment_id]:
                raise Conflict(f"payment {row.payment_id} was approved before with other content")
    rows_new = [(e.payment_id, row) for e in unique if e.payment_id in new for row in e.rows]
    try:
        run(
            connection,
            """
            INSERT INTO payment_row (row_id, payment_id, branch_id, amount_cents)
            SELECT * FROM unnest(CAST(:rows AS uuid[]), CAST(:payments AS uuid[]), CAST(:branches AS text[]), CAST(:cents AS bigint[]))""",
            rows=[str(row.row_id) for _, row in rows_new],
            payments=[str(payment_id) for payment_id, _ in rows_new],
            branches=[row.branch_id for _, row in rows_new],
            cents=[row.amount_cents for _, row in rows_new],
        )
    except IntegrityError:
        raise Conflict("a row belongs to another approved payment already") from None
    return new


def positions(connection: Connection, payment_ids: Collection[UUID]) -> dict[UUID, Position]:
    """Where the known ones of these payments stand."""
    rows = run(
        connection,
        """
        SELECT payment_id, batch_id, amount_cents, version, status FROM payment WHERE payment_id = ANY(CAST(:ids AS uuid[]))""",
        ids=[str(i) for i in payment_ids],
    )
    return {
        row.payment_id: Position(row.batch_id, row.amount_cents, row.version, row.status)
        for row in rows
    }


def waiting(connection: Connection, payment_ids: Collection[UUID]) -> list[PaymentChanged]:
    """The changes of these payments that wait for an approval or an earlier version."""
    rows = run(
        connection,
        "SELECT body FROM waiting WHERE payment_id = ANY(CAST(:ids AS uuid[]))",
        ids=[str(i) for i in payment_ids],
    )
    return [PaymentChanged.model_validate_json(row.body) for row in rows]


def contents(
    connection: Connection, changes: Sequence[PaymentChanged]
) -> dict[tuple[UUID, int], str]:
    """The digests of those versions that were applied before."""
    rows = run(
        connection,
        """
        SELECT c.payment_id, c.version, c.content FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[])) AS k(payment_id, version)
        JOIN payment_change c USING (payment_id, version)""",
        ids=[str(c.payment_id) for c in changes],
        versions=[c.version for c in changes],
    )
    return {(row.payment_id, row.version): row.content for row in rows}


def keep(connection: Connection, changes: Sequence[PaymentChanged]) -> None:
    """Keep changes until what they need has come; one that is kept already is left alone."""
    run(
        connection,
        """
        INSERT INTO waiting (payment_id, version, batch_id, body)
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:batches AS uuid[]), CAST(:bodies AS text[]))
        ON CONFLICT DO NOTHING""",
        ids=[str(c.payment_id) for c in changes],
        versions=[c.version for c in changes],
        batches=[str(c.batch_id) for c in changes],
        bodies=[c.model_dump_json() for c in changes],
    )


def release_waiting(connection: Connection, keys: Sequence[tuple[UUID, int]]) -> None:
    """Forget kept changes that were applied."""
    run(
        connection,
        """
        DELETE FROM waiting w USING unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[])) AS k(payment_id, version)
        WHERE w.payment_id = k.payment_id AND w.version = k.version""",
        ids=[str(i) for i, _ in keys],
        versions=[v for _, v in keys],
    )


def put_changes(connection: Connection, changes: Sequence[PaymentChanged]) -> None:
    """Write changes, given in the order of their versions, and bring their payments to the last of them."""
    run(
        connection,
        """
        INSERT INTO payment_change (payment_id, version, status, content, occurred_at)
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:statuses AS text[]), CAST(:contents AS text[]),
                             CAST(:times AS timestamptz[]))""",
        ids=[str(c.payment_id) for c in changes],
        versions=[c.version for c in changes],
        statuses=[c.status for c in changes],
        contents=[content(c) for c in changes],
        times=[c.occurred_at for c in changes],
    )
    last: dict[UUID, PaymentChanged] = {}
    since: dict[
        UUID, datetime
    ] = {}  # of the last status: several changes may come at once, and a rebuild sees them in other portions
    for change in changes:
        if change.payment_id not in last or last[change.payment_id].status != change.status:
            since[change.payment_id] = change.occurred_at
        last[change.payment_id] = change
    columns = [
        {
            "id": str(c.payment_id),
            "version": c.version,
            "status": c.status,
            "at": since[c.payment_id],
            "provider_id": c.provider_payment_id,
            "provider_status": c.provider_status,
            "merchant_id": c.merchant_id,
            "reversal_id": c.reversal_id,
            "under_way": c.return_under_way,
            "reason_code": c.reason_code,
            "reason": c.reason,
        }
        for c in last.values()
    ]
    run(
        connection,
        """
        UPDATE payment p SET version = c.version, status = c.status,
            status_at = CASE WHEN p.status = c.status THEN p.status_at ELSE c.at END,
            provider_payment_id = c.provider_id,
            provider_status = coalesce(nullif(c.provider_status, ''), p.provider_status),
            merchant_id = coalesce(nullif(p.merchant_id, ''), c.merchant_id),
            reversal_id = coalesce(nullif(c.reversal_id, ''), p.reversal_id),
            return_under_way = c.under_way, reason_code = c.reason_code, reason = c.reason
        FROM unnest(CAST(:id AS uuid[]), CAST(:version AS int[]), CAST(:status AS text[]), CAST(:at AS timestamptz[]),
            CAST(:provider_id AS text[]), CAST(:provider_status AS text[]), CAST(:merchant_id AS text[]), CAST(:reversal_id AS text[]),
            CAST(:under_way AS boolean[]), CAST(:reason_code AS text[]), CAST(:reason AS text[]))
            AS c(id, version, status, at, provider_id, provider_status, merchant_id, reversal_id, under_way, reason_code, reason)
        WHERE p.payment_id = c.id""",
        **_columns(columns),
    )


def holds(connection: Connection, payment_ids: Collection[UUID]) -> dict[UUID, Journal]:
    """The holds of these payments, entries in their order."""
    found: dict[UUID, list[Entry]] = {}
    heads: dict[UUID, Journal] = {}
    rows = run(
        connection,
        """
        SELECT j.payment_id, j.batch_id, j.amount_cents AS moved, j.row_count AS counted, j.posted_at, e.account, e.layer, e.amount_cents, e.row_count
        FROM journal j JOIN entry e USING (journal_id) WHERE j.journal_id = ANY(CAST(:ids AS uuid[])) ORDER BY j.journal_id, e.n""",
        ids=[str(journal_id(i, "hold")) for i in payment_ids],
    )
    for row in rows:
        found.setdefault(row.payment_id, []).append(
            Entry(row.account, row.layer, row.amount_cents, row.row_count)
        )
        heads[row.payment_id] = Journal(
            row.batch_id, row.payment_id, "hold", row.moved, row.counted, (), row.posted_at
        )
    return {
        i: Journal(h.batch_id, i, "hold", h.amount_cents, h.row_count, tuple(found[i]), h.posted_at)
        for i, h in heads.items()
    }


def append(connection: Connection, journals: Sequence[Journal]) -> None:
    """Write journals with their entries, in one statement (the database accepts no other way); balances follow by themselves.

    Raises:
        JournalRefused: the database refused one of them; roll back.
    """
    heads = [(str(j.journal_id), str(j.batch_id), j) for j in journals]
    lines = [
        (j_id, n, b_id, e) for j_id, b_id, j in heads for n, e in enumerate(j.entries, start=1)
    ]
    try:
        run(
            connection,
            """
            WITH written AS (
                INSERT INTO journal (journal_id, batch_id, payment_id, kind, amount_cents, row_count, entry_count, posted_at)
                SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:batches AS uuid[]), CAST(:payments AS uuid[]), CAST(:kinds AS text[]),
                    CAST(:cents AS bigint[]), CAST(:rows AS int[]), CAST(:counts AS int[]), CAST(:times AS timestamptz[])))
            INSERT INTO entry (journal_id, n, batch_id, account, layer, amount_cents, row_count)
            SELECT * FROM unnest(CAST(:e_ids AS uuid[]), CAST(:e_ns AS int[]), CAST(:e_batches AS uuid[]), CAST(:e_accounts AS text[]),
                CAST(:e_layers AS text[]), CAST(:e_cents AS bigint[]), CAST(:e_rows AS int[]))""",
            ids=[head[0] for head in heads],
            batches=[head[1] for head in heads],
            payments=[str(j.payment_id) for j in journals],
            kinds=[j.kind for j in journals],
            cents=[j.amount_cents for j in journals],
            rows=[j.row_count for j in journals],
            counts=[len(j.entries) for j in journals],
            times=[j.posted_at for j in journals],
            e_ids=[line[0] for line in lines],
            e_ns=[line[1] for line in lines],
            e_batches=[line[2] for line in lines],
            e_accounts=[line[3].account for line in lines],
            e_layers=[line[3].layer for line in lines],
            e_cents=[line[3].amount_cents for line in lines],
            e_rows=[line[3].row_count for line in lines],
        )
    except IntegrityError as error:
        raise JournalRefused(str(error.orig).splitlines()[0]) from None


def _columns(rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
