"""A small batch as events, with the provider's statement.

Two sources, three branches, payments over several branches.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from libs.common.contracts.events.batches import BatchChanged, Branch, Counts, Source
from libs.common.contracts.events.payments import PaidRow, PaymentApproved, PaymentChanged
from libs.common.contracts.events.provider import StatementClosed, StatementLine

BATCH = UUID("00000000-0000-0000-0000-0000000000b1")
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
#: payment number -> (source, [(branch, cents)…])
PAYMENTS: dict[int, tuple[str, list[tuple[str, int]]]] = {
    1: ("A", [("X", 300), ("Y", 200)]),
    2: ("A", [("X", 938)]),
    3: ("B", [("Y", 1000), ("Y", 500), ("Z", 1)]),
    4: ("B", [("Z", 4200)]),
}
PROVIDER_STATUS = {
    "pending": "processing",
    "completed": "posted",
    "failed": "failed",
    "reversed": "reversed",
}


def payment_id(number: int) -> UUID:
    return uuid5(BATCH, f"payment-{number}")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def approved(number: int, **changed: Any) -> PaymentApproved:
    source, rows = PAYMENTS[number]
    pid = payment_id(number)
    values: dict[str, Any] = {
        "event_id": uuid5(pid, "approved"),
        "occurred_at": at(0),
        "correlation": str(BATCH),
        "payment_id": pid,
        "batch_id": BATCH,
        "digest": "sha256:0",
        "period": "2026-11-09",
        "amount_cents": sum(c for _, c in rows),
        "source_account_id": source,
        "account_index": "i",
        "source_routing": "121000358",
        "source_last4": f"000{source}",
        "employee_id": f"E{number}",
        "person_index": f"person{number}",
        "institution_id": "ins_1",
        "merchant_id": "mch_1",
        "loan_last4": f"100{number}",
        "loan_index": f"loan{number}",
        "approved_by": "ann",
        "approved_at": at(0),
        "rows": tuple(
            PaidRow(
                row_id=uuid5(pid, str(n)),
                root_row_id=uuid5(pid, str(n)),
                file_row=10 * number + n,
                branch_id=branch,
                amount_cents=cents,
            )
            for n, (branch, cents) in enumerate(rows)
        ),
    }
    return PaymentApproved(**(values | changed))


BatchRow = tuple[str, str, int]  # source, branch, cents
#: Rows and cents of the batch that no payment contains: unpayable, refused, excluded.
UNPAID_ROWS = (2, 1, 3)
UNPAID_CENTS = (700, 0, 90)


def counts(payable: int, unpaid: tuple[int, int, int] = (0, 0, 0)) -> Counts:
    unpayable, refused, excluded = unpaid
    return Counts(
        total=payable + sum(unpaid),
        payable=payable,
        unpayable=unpayable,
        refused=refused,
        excluded=excluded,
    )


def row_counts(rows: Sequence[BatchRow]) -> Counts:
    return counts(len(rows))


def cents(rows: Sequence[BatchRow]) -> Counts:
    return counts(sum(amount_cents for _, _, amount_cents in rows))


def batch(version: int = 5, status: str = "approved", **changed: Any) -> BatchChanged:
    rows = [
        (source, branch, amount_cents)
        for source, parts in PAYMENTS.values()
        for branch, amount_cents in parts
    ]
    payable_cents = sum(amount_cents for _, _, amount_cents in rows)
    of_source = {s: [row for row in rows if row[0] == s] for s in ("A", "B")}
    of_branch = {b: [row for row in rows if row[1] == b] for b in ("X", "Y", "Z")}
    values: dict[str, Any] = {
        "event_id": uuid5(BATCH, f"batch-changed-{version}"),
        "occurred_at": at(0),
        "correlation": str(BATCH),
        "batch_id": BATCH,
        "version": version,
        "status": status,
        "revision": 1,
        "digest": "sha256:0",
        "family_id": BATCH,
        "period": "2026-11-09",
        "uploaded_by": "bob",
        "uploaded_at": at(-60),
        "rows": counts(len(rows), UNPAID_ROWS),
        "amount_cents": counts(payable_cents, UNPAID_CENTS),
        "sources": tuple(
            Source(source_account_id=s, rows=row_counts(part), amount_cents=cents(part))
            for s, part in of_source.items()
        ),
        "branches": tuple(
            Branch(branch_id=b, rows=row_counts(part), amount_cents=cents(part))
            for b, part in of_branch.items()
        ),
        "payments": len(PAYMENTS),
        "payments_cents": payable_cents,
    }
    return BatchChanged(**(values | changed))


def changed(number: int, version: int, status: str, **more: Any) -> PaymentChanged:
    pid = payment_id(number)
    values: dict[str, Any] = {
        "event_id": uuid5(pid, f"payment-changed-{version}"),
        "occurred_at": at(10 * version),
        "correlation": str(BATCH),
        "payment_id": pid,
        "batch_id": BATCH,
        "version": version,
        "status": status,
        "amount_cents": approved(number).amount_cents,
        "evidence_kind": "poll",
        "evidence_id": "e",
        "provider_payment_id": ""
        if status in ("sending", "cancelled", "in_doubt")
        else f"pmt_{number}",
        "provider_status": PROVIDER_STATUS.get(status, ""),
    }
    return PaymentChanged(**(values | more))


def history(number: int, end: str) -> list[PaymentChanged]:
    """Every change of a payment to its end; `refused` fails before there is a provider payment."""
    if end == "cancelled":
        return [changed(number, 1, "cancelled")]
    if end == "refused":
        return [
            changed(number, 1, "sending"),
            changed(number, 2, "failed", provider_payment_id="", provider_status=""),
        ]
    states = [
        "sending",
        "pending",
        *(["completed"] if end in ("completed", "reversed") else []),
        *([end] if end != "completed" else []),
    ]
    return [changed(number, version, status) for version, status in enumerate(states, start=1)]


def line(
    number: int, status: str, run: str = "run-1", position: int | None = None, **more: Any
) -> StatementLine:
    run_id = uuid5(BATCH, run)
    payment = approved(number)
    values: dict[str, Any] = {
        "event_id": uuid5(run_id, f"line-{position or number}"),
        "occurred_at": at(100),
        "correlation": str(BATCH),
        "run_id": run_id,
        "batch_id": BATCH,
        "line": position or number,
        "provider_payment_id": f"pmt_{number}",
        "payment_id": str(payment.payment_id),
        "attempt": 1,
        "provider_status": status,
        "amount_cents": payment.amount_cents,
        "source_routing": payment.source_routing,
        "source_last4": payment.source_last4,
        "employee_id": payment.employee_id,
        "person_index": payment.person_index,
        "merchant_id": "mch_1",
        "loan_last4": payment.loan_last4,
    }
    return StatementLine(**(values | more))


def closed(
    lines: Sequence[StatementLine], versions: int, run: str = "run-1", **more: Any
) -> StatementClosed:
    run_id = uuid5(BATCH, run)
    values: dict[str, Any] = {
        "event_id": uuid5(run_id, "closed"),
        "occurred_at": at(101),
        "correlation": str(BATCH),
        "run_id": run_id,
        "batch_id": BATCH,
        "complete": True,
        "pages": 1,
        "lines": len(lines),
        "amount_cents": sum(x.amount_cents for x in lines),
        "from_at": at(-1),
        "begun_at": at(90),
        "final_versions": versions,
    }
    return StatementClosed(**(values | more))
