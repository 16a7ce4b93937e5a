"""Making a batch ready after its preflight: outcomes, totals, digest, and its rows' messages."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Connection, Engine

from libs.common.contracts.events.preparation import PreflightDone
from libs.common.observability import tracing
from libs.common.observability.logs import log
from services.ingest import handlers, known_people, mended_rows, roster_diff, year_limit
from services.ingest.domain import roster_warnings
from services.ingest.domain.batch import Batch
from services.ingest.domain.batch_warnings import (
    NOT_CHECKED,
    NOT_CHECKED_SENTENCE,
    OVERLAP,
    overlap_sentence,
)
from services.ingest.domain.decision import to_ranges
from services.ingest.domain.digest import BatchDigest, ContentsDigest, PayableRows
from services.ingest.domain.other_people import (
    FIELD,
    OTHER_PERSON,
    OTHER_PERSON_SENTENCE,
    OtherPayee,
    exclusions,
    warning_value,
)
from services.ingest.domain.pay_period import PERIOD_AMBIGUOUS, ambiguous_sentence
from services.ingest.domain.roster_warnings import AMOUNT_JUMP, BATCH_CODES, Thresholds
from services.ingest.store import (
    amendments,
    batch_digests,
    batches,
    corrections,
    decisions,
    issues,
    other_people,
    overlaps,
    preflights,
    published_events,
    roster_figures,
    row_outcomes,
    rows,
    sources,
    totals,
)

USUAL = Thresholds()


def finalize_next(engine: Engine, limits: Thresholds = USUAL) -> bool:
    """Make the oldest batch ready whose preflight has arrived, in one transaction.

    False: there is none.
    """
    with engine.begin() as connection:
        batch = batches.lock_next_checked(connection)
        if batch is None:
            return False
        now = datetime.now(UTC)
        with tracing.batch_span("make ready", batch.batch_id):
            published = _make_ready(connection, batch, now, limits)
        log.info(
            "batch_ready",
            batch_id=str(batch.batch_id),
            count=published,
            seconds=round((datetime.now(UTC) - now).total_seconds(), 1),
        )
    return True


def _make_ready(connection: Connection, batch: Batch, now: datetime, limits: Thresholds) -> int:
    """Make a locked batch ready; the number of row messages."""
    known_people.refuse_changed(connection, batch.batch_id)
    preflight, others = _write_outcomes(connection, batch)
    issues.replace_row_warnings(
        connection, batch.batch_id, OTHER_PERSON, OTHER_PERSON_SENTENCE, _places(others)
    )
    issues.replace_batch_warnings(
        connection,
        batch.batch_id,
        NOT_CHECKED,
        [] if preflight.checked else [("", NOT_CHECKED_SENTENCE)],
    )
    issues.replace_batch_warnings(
        connection,
        batch.batch_id,
        OVERLAP,
        [
            (str(overlap.batch_id), overlap_sentence(overlap))
            for overlap in overlaps.find_overlaps(connection, batch)
        ],
    )
    issues.replace_batch_warnings(
        connection,
        batch.batch_id,
        PERIOD_AMBIGUOUS,
        [(f"{other} {batch.period}", ambiguous_sentence(batch.period, other))]
        if (other := batch.other_period)
        else [],
    )
    mended_rows.replace_also_paid(connection, batch)
    _replace_unusual(connection, batch, limits)
    year_limit.replace_warnings(connection, batch, limits.year)
    totals.replace_totals(connection, batch.batch_id)
    digest, published = publish_rows(connection, batch, now)
    batch_digests.mark_ready(connection, batch.batch_id, digest.text, digest.contents, now)
    published_events.publish_batch(connection, batch.batch_id, now)
    return published


def _write_outcomes(
    connection: Connection, batch: Batch, only: Collection[UUID] | None = None
) -> tuple[PreflightDone, list[OtherPayee]]:
    """Write the outcomes of a batch's rows, by the provider's answer and by other batches."""
    preflight = preflights.get_preflight(connection, batch)
    others = other_people.find_other_payees(connection, batch)
    row_outcomes.write_preflight(
        connection, batch, handlers.on_preflight_done(preflight), exclusions(others), only
    )
    return preflight, others


def preview_payable(
    connection: Connection, batch: Batch, row_ids: Collection[UUID]
) -> tuple[int, int]:
    """How many of these new rows would be payable by what is known now, and their cents.

    The provider is not asked: an institution that is new in the batch may still have no merchant.
    """
    savepoint = connection.begin_nested()
    _write_outcomes(connection, batch, row_ids)
    found = rows.count_and_sum_payable(connection, batch.batch_id, row_ids)
    savepoint.rollback()
    return found


def _places(others: Iterable[OtherPayee]) -> list[tuple[int, int, str, str]]:
    """Where a loan is paid for another employee id, as `replace_row_warnings` takes it."""
    return [(one.file_row, one.line, FIELD, warning_value(one)) for one in others]


def has_other_payees_since(connection: Connection, batch: Batch) -> bool:
    """Whether loans are paid for other employee ids of whom the last check gave no warning.

    Approvals wait here for each other, so that each sees the payments of the one before.
    """
    other_people.lock_approvals(connection)
    found = {
        (file_row, value)
        for file_row, _, _, value in _places(other_people.find_other_payees(connection, batch))
    }
    return not found <= issues.list_row_warnings(connection, batch.batch_id, OTHER_PERSON)


def _replace_unusual(connection: Connection, batch: Batch, limits: Thresholds) -> None:
    """Replace a batch's warnings about unusual changes since the roster approved before.

    A second call gives the same. There are none for a child batch, nor for the first roster.
    """
    previous = roster_diff.find_previous(connection, batch)
    by_code: dict[str, list[tuple[str, str]]] = defaultdict(list)
    jumps = []
    if previous is not None:
        found = roster_figures.compare_figures(connection, previous, batch.batch_id)
        for code, value, sentence in roster_warnings.batch_warnings(found, limits):
            by_code[code].append((value, sentence))
        jumps = roster_figures.find_jumps(connection, previous, batch.batch_id, limits.amount_times)
    for code in BATCH_CODES:
        issues.replace_batch_warnings(connection, batch.batch_id, code, by_code[code])
    issues.replace_row_warnings(
        connection,
        batch.batch_id,
        AMOUNT_JUMP,
        roster_warnings.jump_sentence(limits.amount_times),
        [
            (
                one.file_row,
                one.line,
                "Amount",
                roster_warnings.jump_value(one.old_cents, one.new_cents),
            )
            for one in jumps
        ],
    )


def publish_rows(connection: Connection, batch: Batch, now: datetime) -> tuple[BatchDigest, int]:
    """Publish the rows that changed in this revision, and count their messages in the batch.

    Returns:
        The digest of all rows and of the payments that they make, and the number of messages.
    """
    contents, payable, published = _begin_contents(connection, batch), PayableRows(), 0
    for page in rows.pages_for_digest(connection, batch.batch_id):
        contents.add_rows(row[:-1] for row in page)
        payable.add_rows(page)
        changed = [row.row_id for row in page if row.changed]
        published_events.publish_rows(
            connection, changed, handlers.event_ids(changed, f"row-read-{batch.revision}"), now
        )
        published += len(changed)
    batches.set_row_messages(connection, batch.batch_id, batch.row_messages + published)
    paying = sources.list_paying(connection, batch.batch_id)
    return BatchDigest(contents.text(), payable.digest(batch.batch_id, paying)), published


def digest_payments(connection: Connection, batch_id: UUID) -> str:
    """The digest of the payments that a batch's payable rows make."""
    payable = PayableRows()
    for page in rows.pages_for_digest(connection, batch_id):
        payable.add_rows(page)
    return payable.digest(batch_id, sources.list_paying(connection, batch_id))


def _begin_contents(connection: Connection, batch: Batch) -> ContentsDigest:
    """The digest of all that comes before the rows."""
    digest = ContentsDigest(batch.period)
    digest.add_corrections(
        [one.source_account_id, one.field, one.from_value, one.to_value]
        for one in corrections.list_corrections(connection, batch.batch_id)
    )
    digest.add_decisions(
        [one.act, one.decided_by, one.target, one.reason, one.evidence, to_ranges(one.file_rows)]
        for one in decisions.list_standing(connection, batch.batch_id)
    )
    digest.add_decisions(
        [
            *(one.act, one.decided_by, one.target, one.reason, one.evidence),
            *(to_ranges(one.file_rows), one.change, json.dumps(one.details, sort_keys=True)),
            *(row.known for row in one.amended),
        ]
        for one in amendments.list_standing(connection, batch.batch_id)
    )
    return digest
