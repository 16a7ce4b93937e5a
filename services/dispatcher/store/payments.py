"""SQL shared by everything that moves a payment: the gate, one set-based change with its event, source stops, batches' states."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, Row

from libs.common.contracts.events import StoppedSource
from libs.common.contracts.statuses import FINAL_PAYMENTS
from libs.common.database.engine import run
from libs.common.messaging import outbox
from services.dispatcher import handlers
from services.dispatcher.handlers import Evidence, PaymentState


def gate(connection: Connection) -> list[UUID]:
    """The batches that may pay, held FOR SHARE to the end of the transaction; none while everything is halted.

    A pause, a cancel or the kill switch waits for this transaction, and the next one sees it.
    """
    if halted(connection):
        return []
    return [
        row.batch_id
        for row in run(
            connection,
            "SELECT batch_id FROM batch WHERE state = 'paying' ORDER BY batch_id FOR SHARE",
        )
    ]


def halted(connection: Connection) -> bool:
    """Whether nothing may go to the provider: the kill switch is engaged (held FOR SHARE), or the database is held after a restore."""
    return bool(
        run(
            connection,
            "SELECT engaged OR EXISTS (SELECT FROM restored WHERE released_at IS NULL) FROM kill_switch FOR SHARE",
        ).scalar()
    )


def statement_id(batch_id: UUID, number: int) -> UUID:
    """The run id of a batch's statement of this number."""
    return uuid5(batch_id, f"statement-{number}")


@dataclass(frozen=True)
class Change:
    """What one payment becomes. `row` is the locked row of table payment; fields left None stay as they are."""

    row: Row[Any]
    status: str
    evidence: Evidence
    step: str = ""
    wait_s: float = 0.0
    lease_s: float = 0.0
    fence: int | None = None
    attempts: int | None = None
    looks: int = 0
    provider_id: str | None = None
    provider_status: str | None = None
    provider_created_at: datetime | None = None
    source_trace_id: str | None = None
    destination_trace_id: str | None = None
    reversal_id: str | None = None
    reason_code: str = ""
    reason: str = ""
    poll_s: float | None = None
    silent: bool = False  # nothing that is shown has changed: no version, no event


def now(connection: Connection) -> datetime:
    """The database's clock at the begin of this transaction."""
    at: datetime = run(connection, "SELECT now()").scalar_one()
    return at


def kept(new: Any, old: Any) -> Any:
    """The new value, or the old one where none is given."""
    return old if new is None else new


def apply(connection: Connection, changes: Sequence[Change]) -> None:
    """Write changes of locked payments and their events. Whoever calls holds the rows' locks and has checked the step."""
    if not changes:
        return
    at = now(connection)
    states = [state_after(change) for change in changes]
    columns: dict[str, tuple[str, list[Any]]] = {
        "payment_id": ("uuid[]", [str(c.row.payment_id) for c in changes]),
        "status": ("text[]", [s.status for s in states]),
        "version": ("int[]", [s.version for s in states]),
        "step": ("text[]", [c.step for c in changes]),
        "wait_s": ("float8[]", [c.wait_s for c in changes]),
        "lease_s": ("float8[]", [c.lease_s for c in changes]),
        "fence": ("bigint[]", [kept(c.fence, c.row.fence) for c in changes]),
        "attempts": ("int[]", [s.attempts for s in states]),
        "looks": ("int[]", [c.looks for c in changes]),
        "provider_id": ("text[]", [s.provider_id or None for s in states]),
        "provider_status": ("text[]", [s.provider_status for s in states]),
        "provider_created_at": (
            "timestamptz[]",
            [kept(c.provider_created_at, c.row.provider_created_at) for c in changes],
        ),
        "source_trace_id": ("text[]", [s.source_trace_id for s in states]),
        "destination_trace_id": ("text[]", [s.destination_trace_id for s in states]),
        "reversal_id": ("text[]", [s.reversal_id for s in states]),
        "return_under_way": ("boolean[]", [s.return_under_way for s in states]),
        "reason_code": ("text[]", [s.reason_code for s in states]),
        "reason": ("text[]", [s.reason for s in states]),
        "poll_s": ("float8[]", [c.poll_s for c in changes]),
    }
    arrays = ", ".join(f"CAST(:{name} AS {kind})" for name, (kind, _) in columns.items())
    plain = [n for n in columns if n not in {"payment_id", "wait_s", "lease_s", "poll_s"}]
    run(
        connection,
        f"""
        UPDATE payment p SET {", ".join(f"{n} = c.{n}" for n in plain)}, due_at = now() + make_interval(secs => c.wait_s),
               lease_until = CASE WHEN c.lease_s > 0 THEN now() + make_interval(secs => c.lease_s) ELSE '-infinity' END,
               poll_due_at = CASE WHEN c.poll_s IS NULL THEN 'infinity' ELSE now() + make_interval(secs => c.poll_s) END,
               paid_at = CASE WHEN c.status = 'completed' THEN coalesce(p.paid_at, now()) ELSE p.paid_at END, hint = ''
        FROM unnest({arrays}) AS c({", ".join(columns)}) WHERE p.payment_id = c.payment_id""",  # noqa: S608 - names from the table above
        **{name: values for name, (_, values) in columns.items()},
    )
    ended = [str(s.payment_id) for s in states if s.status in ("failed", "cancelled")]
    if ended:  # their rows may be paid again, by a child batch
        run(
            connection,
            "UPDATE payment_row SET live = false WHERE payment_id = ANY(CAST(:ids AS uuid[])) AND live",
            ids=ended,
        )
    outbox.add(
        connection,
        [
            handlers.payment_changed(state, change.evidence, at)
            for state, change in zip(states, changes, strict=True)
            if not change.silent
        ],
    )
    count_status_changes(
        connection,
        [c.row.batch_id for c, s in zip(changes, states, strict=True) if c.row.status != s.status],
    )


def state_after(change: Change) -> PaymentState:
    """The payment's state once the change is made."""
    row = change.row
    provider_status = kept(change.provider_status, row.provider_status)
    return PaymentState(
        payment_id=row.payment_id,
        batch_id=row.batch_id,
        version=row.version + (0 if change.silent else 1),
        status=change.status,  # type: ignore[arg-type]  # the table's CHECK is the same list
        amount_cents=row.amount_cents,
        attempts=kept(change.attempts, row.attempts),
        provider_id=kept(change.provider_id, row.provider_id) or "",
        provider_status=provider_status,
        merchant_id=row.merchant_id,
        source_trace_id=kept(change.source_trace_id, row.source_trace_id),
        destination_trace_id=kept(change.destination_trace_id, row.destination_trace_id),
        reversal_id=kept(change.reversal_id, row.reversal_id),
        return_under_way=provider_status in ("reversal_required", "reversal_processing"),
        reason_code=change.reason_code,
        reason=change.reason,
    )


def count_status_changes(connection: Connection, batch_ids: Iterable[UUID]) -> None:
    """Note that payments of these batches have another status of ours: what a statement must cover."""
    counts: dict[str, int] = {}
    for batch_id in batch_ids:
        counts[str(batch_id)] = counts.get(str(batch_id), 0) + 1
    if counts:
        run(
            connection,
            """
            INSERT INTO status_change (batch_id, changes) SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:counts AS int[]))""",
            ids=list(counts),
            counts=list(counts.values()),
        )


def stop_source(
    connection: Connection, account_index: str, reason_code: str, reason: str, holder_too: bool
) -> None:
    """Stop a source account (or every source of its holder) until a person resumes; a second call keeps the first reason."""
    run(
        connection,
        """
        INSERT INTO source_stop (account_index, reason_code, reason)
        SELECT number_index, :code, :reason FROM object WHERE kind = 'ach' AND (number_index = :account_index OR (:holder_too AND holder_id IN
               (SELECT holder_id FROM object WHERE kind = 'ach' AND number_index = :account_index)))
        UNION SELECT :account_index, :code, :reason ON CONFLICT DO NOTHING""",
        account_index=account_index,
        code=reason_code,
        reason=reason,
        holder_too=holder_too,
    )
    stopped = run(connection, "SELECT account_index FROM source_stop").scalars().all()
    for batch_id in batches_of(connection, stopped):
        set_state(connection, batch_id, None, "", "")


def batches_of(connection: Connection, account_indexes: Sequence[str]) -> list[UUID]:
    """The batches under way that pay from one of these accounts."""
    return list(
        run(
            connection,
            """
        SELECT DISTINCT b.batch_id FROM batch b JOIN source s USING (batch_id)
        WHERE b.state IN ('paying', 'paused') AND s.account_index = ANY(CAST(:indexes AS text[])) ORDER BY 1""",
            indexes=list(account_indexes),
        ).scalars()
    )


def stopped_sources(connection: Connection, batch_id: UUID) -> list[StoppedSource]:
    """The sources of a batch that wait for a person."""
    return [
        StoppedSource(
            source_account_id=row.source_account_id, reason_code=row.reason_code, reason=row.reason
        )
        for row in run(
            connection,
            """
        SELECT s.source_account_id, t.reason_code, t.reason FROM source s JOIN source_stop t USING (account_index)
        WHERE s.batch_id = :batch_id ORDER BY 1""",
            batch_id=batch_id,
        )
    ]


def set_state(
    connection: Connection, batch_id: UUID, state: str | None, by: str, reason: str
) -> None:
    """Move a batch's state here (None: it stays) and say so; waits for every gate that holds the batch."""
    row = run(
        connection,
        """
        UPDATE batch SET state = coalesce(:state, state), state_version = state_version + 1,
               state_by = CASE WHEN CAST(:state AS text) IS NULL THEN state_by ELSE :by END,
               state_reason = CASE WHEN CAST(:state AS text) IS NULL THEN state_reason ELSE :reason END, changed_at = now()
        WHERE batch_id = :batch_id RETURNING state, state_version, state_by, state_reason""",
        batch_id=batch_id,
        state=state,
        by=by,
        reason=reason,
    ).one()
    outbox.add(
        connection,
        [
            handlers.dispatch_changed(
                batch_id,
                row.state_version,
                row.state,
                row.state_by,
                row.state_reason,
                stopped_sources(connection, batch_id),
                now(connection),
            )
        ],
    )


def engage_kill_switch(connection: Connection, engaged: bool, by: str, reason: str) -> None:
    """Nothing more is sent to the provider until a person releases it; waits for every gate. A second call keeps the newest reason."""
    run(
        connection,
        "UPDATE kill_switch SET engaged = :engaged, by_whom = :by, reason = :reason, at = now()",
        engaged=engaged,
        by=by,
        reason=reason,
    )


def flag(connection: Connection, payment_id: UUID | None, kind: str, detail: str) -> None:
    """Keep something a person should look at; the same thing twice is one flag."""
    run(
        connection,
        "INSERT INTO flag (payment_id, kind, detail) VALUES (:payment_id, :kind, :detail) ON CONFLICT DO NOTHING",
        payment_id=payment_id,
        kind=kind,
        detail=detail[:500],
    )


def all_final(connection: Connection, batch_id: UUID) -> bool:
    """Whether every announced payment of a batch is here and final."""
    row = run(
        connection,
        """
        SELECT count(*) AS payments, count(*) FILTER (WHERE status = ANY(CAST(:final AS text[]))) AS ended FROM payment WHERE batch_id = :batch_id""",
        batch_id=batch_id,
        final=sorted(FINAL_PAYMENTS),
    ).one()
    announced = run(
        connection, "SELECT payments FROM batch WHERE batch_id = :batch_id", batch_id=batch_id
    ).scalar()
    return bool(announced) and row.payments == row.ended == announced
