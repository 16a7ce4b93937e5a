"""Whether a batch may begin to be paid: its start has passed by two clocks. Pure."""

from datetime import datetime

from services.dispatcher.domain.clocks import Moment


def has_begun(start_at: datetime | None, our_now: datetime, now: Moment) -> bool:
    """Whether an approved start has surely passed; None means at once.

    The database's clock and the provider's `Date` must both say so, so neither of them, set
    forward, begins a batch early. While the provider's clock is not known, or an answer contradicts
    it, the earlier time counts, and a batch rather begins late.
    """
    if start_at is None:
        return True
    return our_now >= start_at and now.provider is not None and now.provider.earliest >= start_at
