"""What one payment may cost in the dispatcher, and why. `test_payment_cost` holds these numbers.

They do not depend on the machine. A number that falls is written down here; one that rises by more
than 5 % needs a better reason than the one beside it. The payments are 96 of one batch, 32 sent by
one transaction, and read as `processing` and as `sent` after webhooks that come by sixteens.
"""

from dataclasses import dataclass

MAY_RISE = 1.05


@dataclass(frozen=True)
class Limit:
    """The most that one payment may use of something, and why it needs that much."""

    per_payment: float
    reason: str


COST = {
    "provider calls": Limit(
        1.073,
        "one POST; a list page answers for a hundred payments at each status; one walk for a batch",
    ),
    "statements": Limit(
        2.031,
        "each works on many payments: the lease and the answers on 32, hints on 16, readings on a "
        "page; the gate also reads the sources that the provider refuses; a look for what is due "
        "costs some more",
    ),
    "commits": Limit(
        0.49,
        "gate and intent, answers, hints, and readings have a transaction each, for many payments",
    ),
}
