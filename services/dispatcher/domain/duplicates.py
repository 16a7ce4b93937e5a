"""Payments in the provider's list: which one is ours, and which are there twice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from libs.common.contracts.statuses import FINAL_PAYMENTS, PROVIDER_ENDED_UNPAID

#: A payment in the provider's list, as JSON.
Line = Mapping[str, Any]


@dataclass(frozen=True)
class PaymentSnapshot:
    """Our status of a payment and the provider payment it is bound to ("" if none)."""

    status: str
    provider_id: str = ""


def payment_id_of(line: Line) -> str:
    """Return the payment of ours that a line names in its metadata; "" if none."""
    metadata = line.get("metadata")
    return str(metadata.get("payment_id") or "") if isinstance(metadata, Mapping) else ""


def name_bound_lines(lines: Iterable[Line], ours: Mapping[str, PaymentSnapshot]) -> list[Line]:
    """Return the lines; one that names no payment gets the name of the one it is bound to.

    The provider may have lost the metadata of a payment, which people then bind by its id.
    """
    bound = {one.provider_id: payment_id for payment_id, one in ours.items() if one.provider_id}
    return [
        line
        if payment_id_of(line) or str(line["id"]) not in bound
        else {**line, "metadata": {"payment_id": bound[str(line["id"])]}}
        for line in lines
    ]


def is_alive(line: Line) -> bool:
    """Whether a payment at the provider moves money, or may."""
    return line.get("status") not in PROVIDER_ENDED_UNPAID


def choose_payment(
    lines: Iterable[Line], payment_id: str, attempt: int, bound_id: str
) -> Line | None:
    """Choose the provider payment to bind: a live one of any attempt, else this attempt's, else
    the one already bound.

    An earlier attempt that was believed absent may turn up late. Then it is the payment, and
    there is no further attempt.
    """

    def rank(line: Line) -> int:
        is_this_attempt = str((line.get("metadata") or {}).get("attempt")) == str(attempt)
        return 3 * is_alive(line) + 2 * is_this_attempt + (str(line.get("id")) == bound_id)

    ours = [line for line in lines if payment_id_of(line) == payment_id]
    best = max(ours, key=rank, default=None)
    return best if best is not None and rank(best) > 0 else None


@dataclass(frozen=True)
class Duplicate:
    """A payment that is alive at the provider where it should not be.

    `bind` is the provider payment to bind from now on ("" leaves it as it is). `cancel` are those
    to be cancelled. `alive` are all that were found.
    """

    payment_id: str
    bind: str
    cancel: tuple[str, ...]
    alive: tuple[str, ...]


def find_duplicates(lines: Iterable[Line], ours: Mapping[str, PaymentSnapshot]) -> list[Duplicate]:
    """Find payments that are alive at the provider where they should not be.

    That is: alive more than once; or alive although they have ended here; or alive although they
    are still to be sent.
    """
    statuses: dict[str, dict[str, str]] = {}
    for line in lines:
        if payment_id_of(line) in ours:
            by_id = statuses.setdefault(payment_id_of(line), {})
            by_id[str(line["id"])] = str(line.get("status"))
    judged = [
        (_judge(payment_id, by_id, ours[payment_id]), ours[payment_id])
        for payment_id, by_id in statuses.items()
    ]
    return [
        duplicate
        for duplicate, payment in judged
        if duplicate.bind
        or len(duplicate.alive) > 1
        or (payment.status in FINAL_PAYMENTS and set(duplicate.alive) - {payment.provider_id})
    ]


def count_alive(lines: Iterable[Line], payment_ids: Iterable[str]) -> dict[str, int]:
    """Count the live provider payments of those of these payments that the lines name.

    A list is of one source account, so of a payment that it does not name it says nothing.
    """
    known, alive = set(payment_ids), dict[str, set[str]]()
    for line in lines:
        if payment_id_of(line) in known:
            found = alive.setdefault(payment_id_of(line), set())
            if is_alive(line):
                found.add(str(line["id"]))
    return {payment_id: len(ids) for payment_id, ids in alive.items()}


def stops_everything(undecided: int) -> bool:
    """Whether so many payments that are alive twice stop all sending, not only their sources.

    One may be an accident of one account. A second one shows that it happens.
    """
    return undecided > 1


def _judge(payment_id: str, statuses: Mapping[str, str], ours: PaymentSnapshot) -> Duplicate:
    """Decide which provider payment stays bound and which are cancelled.

    Only what is still `pending` at the provider can be cancelled. A payment whose outcome is not
    known yet is left to the look-up.
    """
    alive = tuple(
        sorted(i for i, status in statuses.items() if status not in PROVIDER_ENDED_UNPAID)
    )
    pending = [i for i in alive if statuses[i] == "pending"]
    bound = ours.provider_id
    bound_is_not_listed = bool(bound) and bound not in statuses
    if bound_is_not_listed or ours.status in ("sending", "in_doubt", "held"):
        return Duplicate(payment_id, "", (), alive)
    stays = bound
    may_rebind = ours.status in ("unprocessed", "pending") and bool(alive)
    if may_rebind and (bound not in alive or bound in pending):
        gone_out = [i for i in alive if i not in pending]
        if gone_out:
            stays = min(gone_out)
        elif bound not in alive:
            stays = min(alive)
    return Duplicate(
        payment_id,
        "" if stays == bound else stays,
        tuple(i for i in pending if i != stays),
        alive,
    )
