"""The rules of payments: statuses, moves, errors, plans. Pure: no clock, no I/O."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulator.business_days import (
    CST,
    DESTINATION_CUTOFFS,
    SOURCE_CUTOFFS,
    add_bank_days,
    cutoff_on,
    next_cutoff,
)

STATUSES = (
    "pending",
    "processing",
    "sent",
    "posted",
    "cashed",
    "settled",
    "failed",
    "canceled",
    "reversal_required",
    "reversal_processing",
    "reversed",
)
MOVES: Mapping[str, frozenset[str]] = {
    "pending": frozenset({"processing", "canceled"}),
    "processing": frozenset({"sent", "failed"}),
    "sent": frozenset({"posted", "cashed", "failed", "reversal_required", "reversal_processing"}),
    # A return can come up to 60 days later, so `posted` is not the end.
    "posted": frozenset({"cashed", "failed", "reversal_required", "reversal_processing"}),
    "reversal_required": frozenset({"reversal_processing"}),
    "reversal_processing": frozenset({"reversed", "settled"}),
}
NEEDS_CODE = frozenset({"failed", "reversal_required", "reversal_processing"})
OPEN = frozenset({"pending", "processing"})

INSUFFICIENT_FUNDS = 10001
ERRORS = {
    INSUFFICIENT_FUNDS: (
        "PAYMENT_FAILED",
        "PAYMENT_INSUFFICIENT_FUNDS",
        "The source account has insufficient funds.",
    ),
    10002: ("PAYMENT_FAILED", "PAYMENT_UNAUTHORIZED", "The payment was reported as unauthorized."),
    10003: (
        "PAYMENT_FAILED",
        "PAYMENT_INVALID_ACCOUNT",
        "An account of the payment is invalid or closed.",
    ),
    10004: (
        "PAYMENT_CANCELED",
        "PAYMENT_INSUFFICIENT_FUNDS",
        "The payment was canceled: the source account's balance is too low.",
    ),
    10005: (
        "PAYMENT_FAILED",
        "PAYMENT_UNAUTHORIZED_SOURCE",
        "The source account's holder reported the payment as unauthorized.",
    ),
    10006: (
        "PAYMENT_FAILED",
        "PAYMENT_UNAUTHORIZED_DESTINATION",
        "The destination account's holder reported the payment as unauthorized.",
    ),
    10007: (
        "PAYMENT_FAILED",
        "PAYMENT_INVALID_SOURCE_ACCOUNT",
        "The source account is invalid or closed.",
    ),
    10008: (
        "PAYMENT_FAILED",
        "PAYMENT_INVALID_DESTINATION_ACCOUNT",
        "The destination account is invalid or closed.",
    ),
    10009: (
        "PAYMENT_FAILED",
        "PAYMENT_REJECTED_BY_DESTINATION_INSTITUTION",
        "The destination institution rejected the payment.",
    ),
    10010: (
        "PAYMENT_FAILED",
        "PAYMENT_REJECTED_INVALID_AMOUNT",
        "The destination institution rejected the payment's amount.",
    ),
    10011: ("PAYMENT_FAILED", "PAYMENT_STOPPED_BY_REQUEST", "The payment was stopped by request."),
}
DESTINATION_FAULTS = frozenset({10006, 10008, 10009, 10010})

# What else a failure does: the side whose account is disabled, by code. After UNAUTHORIZED its
# holder is disabled too.
UNAUTHORIZED = {10002: "source", 10005: "source", 10006: "destination"}
INVALID = {10003: "source", 10007: "source", 10008: "destination"}

# The last step of a demo payment comes 10 s after `sent`, steps between come halfway.
DEMO_PROCESSING_MS, DEMO_SENT_MS, DEMO_BETWEEN_MS, DEMO_END_MS = 1_500, 2_500, 7_500, 12_500
DEMO_REVERSAL_MS = 5_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a payment ends: in `status`, reached from `after`.

    With `effects`, a failure disables accounts and holders as at the provider.
    """

    status: str
    error_code: int | None = None
    after: str | None = None
    effects: bool = False


PAID = Outcome("posted")


def payment_error(code: int | None) -> dict[str, Any] | None:
    """The `error` object of a payment for a code of the 10xxx range; None for None."""
    if code is None:
        return None
    kind, sub_type, message = ERRORS[code]
    return {"type": kind, "code": code, "sub_type": sub_type, "message": message}


def side_statuses(status: str, code: int | None = None) -> tuple[str, str, str]:
    """(source_status, destination_status, fund_status) of a payment's status.

    The `code` of a failure decides which side has failed.
    """
    if status == "failed":
        return (
            ("reversed", "failed", "failed")
            if code in DESTINATION_FAULTS
            else ("failed", "canceled", "failed")
        )
    return {
        "pending": ("pending", "pending", "pending"),
        "processing": ("processing", "pending", "requested"),
        "sent": ("sent", "sent", "sent"),
        "posted": ("posted", "posted", "posted"),
        "cashed": ("posted", "cashed", "cashed"),
        "canceled": ("canceled", "canceled", "pending"),
        "reversal_required": ("failed", "sent", "hold"),
        "reversal_processing": ("failed", "sent", "requested"),
        "reversed": ("failed", "reversed", "failed"),
        "settled": ("posted", "posted", "posted"),
    }[status]


def path_to(outcome: Outcome) -> list[str]:
    """The statuses a payment goes through after `pending`, the outcome's own last.

    Raises:
        ValueError: the outcome cannot be reached from its `after`; the message is one sentence.
    """
    ways = {"pending": [], "processing": ["processing"], "sent": ["processing", "sent"]}
    for status in ("posted", "cashed", "reversal_required", "reversal_processing"):
        ways[status] = ["processing", "sent", status]
    if outcome.after is None and outcome.status in ways:
        return list(ways[outcome.status])
    usual = {
        "failed": "processing",
        "canceled": "pending",
        "settled": "reversal_processing",
        "reversed": "reversal_processing",
    }
    after = outcome.after or usual.get(outcome.status, "")
    if after not in ways or outcome.status not in MOVES.get(after, frozenset()):
        raise ValueError(f"a payment cannot become {outcome.status!r} after {after!r}")
    return [*ways[after], outcome.status]


def plan(outcome: Outcome, profile: str, created_ms: int) -> list[tuple[int, str]]:
    """[(due in ms since 1970, status), …] of a payment created at `created_ms`."""
    steps = path_to(outcome)
    times = (
        _demo_times(len(steps), created_ms)
        if profile == "demo"
        else _bank_times(len(steps), created_ms)
    )
    return list(zip(times, steps, strict=True))


def reversal_due(profile: str, now_ms: int) -> int:
    """When a reversal that is approved now ends, in ms since 1970."""
    if profile == "demo":
        return now_ms + DEMO_REVERSAL_MS
    return cutoff_on(add_bank_days(datetime.fromtimestamp(now_ms / 1000, CST).date(), 2))


def _demo_times(count: int, created_ms: int) -> list[int]:
    times = [DEMO_PROCESSING_MS, DEMO_SENT_MS]
    if count > 2:
        times += [DEMO_BETWEEN_MS] * (count - 3) + [DEMO_END_MS]
    return [created_ms + offset for offset in times[:count]]


def _bank_times(count: int, created_ms: int) -> list[int]:
    """The next source cut-off, the next day's send, then a bank day more for each further step."""
    times: list[int] = []
    for index in range(count):
        if index == 0:
            times.append(next_cutoff(created_ms, SOURCE_CUTOFFS))
            continue
        last = datetime.fromtimestamp(times[-1] / 1000, CST).date()
        if index == 1:
            midnight = int(datetime.combine(last, datetime.max.time(), CST).timestamp() * 1000)
            times.append(next_cutoff(midnight, DESTINATION_CUTOFFS))
        else:
            times.append(cutoff_on(add_bank_days(last, index - 1)))
    return times


def fraction(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def canonical(value: object) -> str:
    """JSON of a value in the one way that does not depend on the order of its keys."""
    return ENCODER.encode(value)


def make_id(prefix: str, salt: str, number: int) -> str:
    """`pmt_` and 13 letters or digits, the same for the same salt and number."""
    digest = hashlib.blake2b(f"{salt}:{prefix}:{number}".encode(), digest_size=10).digest()
    return prefix + base64.b64encode(digest, b"Zz")[:13].decode()


def trace_id(payment_id: str, side: str) -> str:
    """A 15-digit ACH trace number of one side of a payment."""
    digest = hashlib.blake2b(f"{payment_id}:{side}".encode(), digest_size=8).digest()
    return f"{int.from_bytes(digest, 'big') % 10**15:015d}"
