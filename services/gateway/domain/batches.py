"""How a batch is shown: composed from the answers of ingest, reports and dispatcher."""

from collections.abc import Mapping
from typing import Any, Final

from libs.common.contracts.statuses import (
    CERTIFIED_BATCHES,
    FINAL_PAYMENTS,
    OUTCOME_OF_FINAL,
    PAYMENT_STATUSES,
    UNAPPROVED_BATCHES,
)

Json = Mapping[str, Any]  # an answer of another service

UNFINISHED_PAYMENTS: Final = tuple(s for s in PAYMENT_STATUSES if s not in FINAL_PAYMENTS)
NOTHING_REFUSED: Final[Mapping[str, int]] = {"rows": 0, "under_way": 0}
NO_PAYMENTS: Final[Mapping[str, int]] = dict.fromkeys(("total", *PAYMENT_STATUSES), 0)


def has_payments(batch: Json) -> bool:
    """Whether a batch was approved, so that reports knows payments of it."""
    return batch["status"] not in UNAPPROVED_BATCHES


def figures_match_status(batch: Json, summary: Json) -> bool:
    """Whether the payment totals of reports belong to the status of ingest.

    The payments of a batch that has ended are all final and add up to its certificate. Until
    both are true the read model is behind, and its figures would contradict the status.
    """
    if batch["status"] not in CERTIFIED_BATCHES:
        return True
    if any(summary["payments"][status] for status in UNFINISHED_PAYMENTS):
        return False
    certificate = batch.get("certificate")
    if not certificate:
        return True
    certified_cents = sum(
        certificate[outcome]["amount_cents"] for outcome in OUTCOME_OF_FINAL.values()
    )
    return bool(summary["payment_amount_cents"]["total"] == certified_cents)


def shown_status(status: str, dispatch_state: str | None) -> str:
    """The status of a batch for people.

    A command that the dispatcher has accepted shows at once, as `pausing` or `cancelling`, until
    the status of the batch follows.

    Args:
        status: of the batch, from ingest.
        dispatch_state: of the same batch, from the dispatcher; None if it does not know the batch.
    """
    if status in {"approved", "paying"} and dispatch_state == "paused":
        return "pausing"
    if status in {"approved", "paying", "paused"} and dispatch_state == "cancelled":
        return "cancelling"
    return status


def compose(
    batch: Json,
    summary: Json | None,
    dispatch: Json | None,
    *,
    dispatcher_answers: bool = True,
) -> dict[str, Any]:
    """The batch as the API shows it.

    Args:
        batch: from ingest.
        summary: the payment totals from reports; None before the approval.
        dispatch: from the dispatcher; None if it does not know the batch, or does not answer.
        dispatcher_answers: whether it does; if not, its part is shown as unknown, not as empty.
    """
    state = dispatch or {}
    return {
        **batch,
        "status": shown_status(batch["status"], state.get("state")),
        "payments": dict(summary["payments"] if summary else NO_PAYMENTS),
        "payment_amount_cents": dict(summary["payment_amount_cents"] if summary else NO_PAYMENTS),
        "figures_as_of": summary.get("as_of") if summary else None,
        "eta_s": state.get("eta_s"),
        "stopped_sources": list(state.get("stopped_sources") or ()),
        "refused_by_provider": dict(state.get("refused_by_provider") or NOTHING_REFUSED),
        "dispatcher_answers": dispatcher_answers,
    }
