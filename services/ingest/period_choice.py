"""A person chooses the pay period of a batch, before its approval."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Engine

from services.ingest.approvals import check_again
from services.ingest.domain.approval_request import check_unlocked
from services.ingest.domain.batch import Batch, status_words
from services.ingest.domain.errors import RequestError
from services.ingest.domain.pay_period import PayCalendar, parse_period
from services.ingest.staging import business_day
from services.ingest.store import approval_requests, batches, periods


def choose(engine: Engine, batch_id: UUID, text: str, person: str, calendar: PayCalendar) -> Batch:
    """Set the period of a ready batch, or confirm it. The batch is checked again.

    So claims and overlaps are those of the chosen days, and the digest is another one. Who
    chooses cannot approve. The same choice again checks the batch once more.

    Args:
        text: any date in the period, as YYYY-MM-DD.

    Raises:
        RequestError: the batch is not ready, it is a child batch, or there is no such period.
    """
    now = datetime.now(UTC)
    with engine.begin() as connection:
        batch = batches.get_batch(connection, batch_id, lock=True)
        _check_choice(batch)
        check_unlocked(approval_requests.find_newest(connection, batch_id))
        chosen = parse_period(text, business_day(now), calendar)
        periods.set_period(connection, batch_id, chosen.first, chosen.last, None)
        periods.insert_choice(connection, batch_id, batch.period, chosen.first, person, now)
        check_again(connection, batch, now)
        return batches.get_batch(connection, batch_id)


def _check_choice(batch: Batch) -> None:
    if batch.parent_batch_id is not None:
        raise RequestError(
            "conflict",
            "period.child",
            "A child batch is paid in the period of the batch it comes from.",
            "Upload the rows as a roster of their own to pay them in another period.",
        )
    if batch.status != "ready":
        raise RequestError(
            "conflict",
            "period.not-ready",
            f"The batch is {status_words(batch.status)}; only of a ready batch the period is "
            "chosen. Nothing was changed.",
            "Wait until it is ready; an approved batch keeps its period.",
            batch_status=batch.status,
        )
