"""The one way in which a payment changes: its row, its attempts' rows, its event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from libs.common.contracts.statuses import PAID_ELSEWHERE, PROVIDER_RETURN_UNDER_WAY
from libs.common.database.engine import run
from libs.common.messaging import outbox
from services.dispatcher import handlers
from services.dispatcher.handlers import Evidence, PaymentState
from services.dispatcher.store import statements


@dataclass(frozen=True)
class Change:
    """What one payment becomes. `row` is its locked row; fields that are None stay as they are.

    `wait_s` is seconds until the next step, `poll_s` seconds until the next reading; None is never.
    Without a `fence` the row gets the next one: whatever was leased before has lapsed.
    `version` and `paid_at` are given only for a state that was published before.
    """

    row: Row[Any]
    status: str
    evidence: Evidence
    step: str = ""
    wait_s: float | None = 0.0
    lease_s: float = 0.0
    fence: int | None = None
    attempts: int | None = None
    lookups: int = 0
    merchant_id: str | None = None
    provider_id: str | None = None
    provider_status: str | None = None
    provider_created_at: datetime | None = None
    source_trace_id: str | None = None
    destination_trace_id: str | None = None
    reversal_id: str | None = None
    reason_code: str = ""
    reason: str = ""
    poll_s: float | None = None
    version: int | None = None
    paid_at: datetime | None = None
    publish: bool = True  # False: nothing that people see changes, so no version and no event


def apply_changes(connection: Connection, changes: Sequence[Change]) -> None:
    """Write changes of locked payments and publish them.

    The caller holds the rows' locks and has checked that each step is allowed. Each call makes
    another version.
    """
    if not changes:
        return
    at = write_changes(connection, changes)
    outbox.add(
        connection,
        [
            handlers.payment_changed(state_after(change), change.evidence, at)
            for change in changes
            if change.publish
        ],
    )


def write_changes(connection: Connection, changes: Sequence[Change]) -> datetime:
    """Write changes of locked payments without publishing them; a second call is refused.

    Returns the database's clock at the begin of this transaction.
    """
    states = [state_after(change) for change in changes]
    at = _compare_and_set(connection, changes, states)
    ended = [
        str(s.payment_id)
        for s in states
        if s.status in ("failed", "cancelled") and s.reason_code != PAID_ELSEWHERE
    ]
    if ended:
        _free_rows(connection, ended)
    statements.insert_status_changes(
        connection,
        [c.row.batch_id for c, s in zip(changes, states, strict=True) if c.row.status != s.status],
    )
    return at


def state_after(change: Change) -> PaymentState:
    """Return the payment's state once the change is made."""
    row = change.row
    provider_status = _given(change.provider_status, row.provider_status)
    next_version = row.version + (1 if change.publish else 0)
    return PaymentState(
        payment_id=row.payment_id,
        batch_id=row.batch_id,
        version=_given(change.version, next_version),
        status=change.status,  # type: ignore[arg-type]  # the table's CHECK is the same list
        amount_cents=row.amount_cents,
        attempts=_given(change.attempts, row.attempts),
        provider_id=_given(change.provider_id, row.provider_id) or "",
        provider_status=provider_status,
        merchant_id=_given(change.merchant_id, row.merchant_id),
        source_trace_id=_given(change.source_trace_id, row.source_trace_id),
        destination_trace_id=_given(change.destination_trace_id, row.destination_trace_id),
        reversal_id=_given(change.reversal_id, row.reversal_id),
        return_under_way=provider_status in PROVIDER_RETURN_UNDER_WAY,
        reason_code=change.reason_code,
        reason=change.reason,
    )


def _given(new: Any, old: Any) -> Any:
    """The new value, or the old one where none is given."""
    return old if new is None else new


#: Columns of table payment that take the value of the field of the same name.
PLAIN_COLUMNS = {
    "status": "text[]",
    "version": "int[]",
    "attempts": "int[]",
    "merchant_id": "text[]",
    "provider_status": "text[]",
    "source_trace_id": "text[]",
    "destination_trace_id": "text[]",
    "reversal_id": "text[]",
    "return_under_way": "boolean[]",
    "reason_code": "text[]",
    "reason": "text[]",
}


class ChangedMeanwhile(AssertionError):
    """A payment is not as its locked row says. It is a bug, and nothing was written."""


def _compare_and_set(
    connection: Connection, changes: Sequence[Change], states: Sequence[PaymentState]
) -> datetime:
    """Write payments that still have the status, version, attempt and fence of their rows.

    Returns the database's clock at the begin of this transaction.

    Raises:
        ChangedMeanwhile: one of them has not.
    """
    written, at = _update_payments(connection, _values(changes, states))
    if written != len(changes):
        raise ChangedMeanwhile(f"{len(changes) - written} of {len(changes)} payments have changed")
    return at


def _update_payments(
    connection: Connection, values: Mapping[str, list[Any]]
) -> tuple[int, datetime]:
    """Return how many payments were as they should be, and so were written; and the time."""
    plain_arrays = ", ".join(f"CAST(:{name} AS {kind})" for name, kind in PLAIN_COLUMNS.items())
    row = run(
        connection,
        f"""
        WITH written AS (
            UPDATE payment p
            SET {", ".join(f"{name} = x.{name}" for name in PLAIN_COLUMNS)},
                step = x.step, looks = x.lookups, fence = x.fence,
                provider_id = x.provider_id, provider_created_at = x.provider_created_at,
                due_at = CASE
                    WHEN x.wait_s IS NULL THEN 'infinity'
                    ELSE now() + make_interval(secs => x.wait_s)
                END,
                lease_until = CASE
                    WHEN x.lease_s > 0 THEN now() + make_interval(secs => x.lease_s)
                    ELSE '-infinity'
                END,
                poll_due_at = CASE
                    WHEN x.poll_s IS NULL THEN 'infinity'
                    ELSE now() + make_interval(secs => x.poll_s)
                END,
                paid_at = CASE
                    WHEN x.status = 'completed' THEN coalesce(p.paid_at, x.paid_at, now())
                    ELSE p.paid_at
                END
            FROM unnest(
                {plain_arrays},
                CAST(:payment_ids AS uuid[]), CAST(:steps AS text[]), CAST(:lookups AS int[]),
                CAST(:fences AS bigint[]), CAST(:provider_ids AS text[]),
                CAST(:created_ats AS timestamptz[]), CAST(:waits AS float8[]),
                CAST(:leases AS float8[]), CAST(:polls AS float8[]),
                CAST(:paid_ats AS timestamptz[]),
                CAST(:old_statuses AS text[]), CAST(:old_versions AS int[]),
                CAST(:old_attempts AS int[]), CAST(:old_fences AS bigint[])
            ) AS x(
                {", ".join(PLAIN_COLUMNS)},
                payment_id, step, lookups, fence, provider_id, provider_created_at,
                wait_s, lease_s, poll_s, paid_at,
                old_status, old_version, old_attempts, old_fence
            )
            WHERE p.payment_id = x.payment_id
                AND p.status = x.old_status
                AND p.version = x.old_version
                AND p.attempts = x.old_attempts
                AND p.fence = x.old_fence
            RETURNING 1
        )
        SELECT count(*), now()
        FROM written""",  # noqa: S608 - names from the table above
        **values,
    ).one()
    return row[0], row[1]


def _values(changes: Sequence[Change], states: Sequence[PaymentState]) -> dict[str, list[Any]]:
    """Return what changes write, and what their rows must still be, by the statement's names."""
    return {
        **{name: [getattr(state, name) for state in states] for name in PLAIN_COLUMNS},
        "payment_ids": [str(s.payment_id) for s in states],
        "steps": [c.step for c in changes],
        "lookups": [c.lookups for c in changes],
        "fences": [_given(c.fence, c.row.fence + 1) for c in changes],
        "provider_ids": [s.provider_id or None for s in states],
        "created_ats": [_given(c.provider_created_at, c.row.provider_created_at) for c in changes],
        "waits": [c.wait_s for c in changes],
        "leases": [c.lease_s for c in changes],
        "polls": [c.poll_s for c in changes],
        "paid_ats": [c.paid_at for c in changes],
        "old_statuses": [c.row.status for c in changes],
        "old_versions": [c.row.version for c in changes],
        "old_attempts": [c.row.attempts for c in changes],
        "old_fences": [c.row.fence for c in changes],
    }


def _free_rows(connection: Connection, payment_ids: Sequence[str]) -> None:
    """Let the rows of payments that ended unpaid be paid again, by a child batch.

    The database refuses it of a payment that was paid by other means.
    """
    run(
        connection,
        """
        UPDATE payment_row
        SET live = false
        WHERE payment_id = ANY(CAST(:ids AS uuid[])) AND live""",
        ids=list(payment_ids),
    )
