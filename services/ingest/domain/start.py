"""When an approved batch may begin to be paid: which moments an approver may choose."""

from datetime import datetime, timedelta
from typing import Final

from services.ingest.domain.errors import RequestError

#: Money is reserved from the approval on, so a start far ahead is more likely a mistyped year.
START_MAX: Final = timedelta(days=45)
#: A start that passed while the approver still read is as good as "at once".
START_LATE: Final = timedelta(hours=1)


def check_start(start_at: datetime | None, now: datetime) -> None:
    """Raise RequestError unless an approver may choose this start; None means at once."""
    if start_at is None or now - START_LATE <= start_at <= now + START_MAX:
        return
    raise RequestError(
        "invalid",
        "approval.start",
        f"The start lies {'in the past' if start_at < now else 'more than 45 days ahead'}. "
        "Nothing was approved.",
        "Choose another start, or none to pay at once.",
    )
