"""The provider's statuses of a payment: which may follow which, and what each means here."""

from typing import Final

from libs.common.contracts.statuses import PROVIDER_PAID, PROVIDER_RETURN_UNDER_WAY
from services.dispatcher.domain.protocol import Timing

_RETURNS = frozenset({"reversal_required", "reversal_processing", "reversed", "settled"})
_AFTER_POSTED = _RETURNS | {"cashed", "failed"}
_AFTER_SENT = _AFTER_POSTED | {"posted"}
_AFTER_PROCESSING = _AFTER_SENT | {"sent"}
_AFTER_PENDING = _AFTER_PROCESSING | {"processing", "canceled"}

#: From each status of the provider those that may follow. Steps may be skipped: a webhook or a
#: reading can be missed. "" is a status that is not known here.
REACHABLE: Final[dict[str, frozenset[str]]] = {
    "": _AFTER_PENDING | {"pending"},
    "pending": _AFTER_PENDING,
    "processing": _AFTER_PROCESSING,
    "sent": _AFTER_SENT,
    "posted": _AFTER_POSTED,
    "cashed": frozenset({"failed"}),
    "reversal_required": frozenset({"reversal_processing", "reversed", "settled", "failed"}),
    "reversal_processing": frozenset({"reversed", "settled", "failed"}),
    "settled": frozenset(),
    "failed": frozenset(),
    "canceled": frozenset(),
    "reversed": frozenset(),
}


def our_status(current: str, provider_status: str) -> str:
    """Return our status for a status of the provider.

    A payment that was completed and comes back is `reversed`, never `failed`.
    """
    if provider_status in PROVIDER_PAID:
        return "completed"
    if provider_status == "reversed":
        return "reversed"
    if provider_status in ("failed", "canceled"):
        return "reversed" if current == "completed" else "failed"
    return "pending"


def may_apply(stored: str, observed: str) -> bool:
    """Whether an observed status of the provider can follow the stored one."""
    return observed in REACHABLE[known(stored)]


def known(status: object) -> str:
    """Return a status of the provider, or "" if it is not known here: then any may follow."""
    return status if isinstance(status, str) and status in REACHABLE else ""


def next_reading_s(
    status: str, provider_status: str, paid_s_ago: float, timing: Timing
) -> float | None:
    """Return the seconds until a payment is read again; None for never.

    A paid payment is read less and less often, for 75 days, and as long as a return is open.
    """
    if status in ("pending", "in_doubt"):
        return timing.poll_s
    if status != "completed" or provider_status == "settled":
        return None
    if provider_status in PROVIDER_RETURN_UNDER_WAY:
        return timing.poll_s
    if paid_s_ago > timing.watch_for_s:
        return None
    return min(timing.watch_s, max(timing.poll_s, paid_s_ago / 2))
