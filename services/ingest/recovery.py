"""Recovery: bring batches that a restored database lacks, or has older, to their newest state.

The service's own events are the source. They are in the outbox again before this begins, above
the outbox id `first`. Everything is written by the functions of `store` that normal work uses.

An approved batch stays approved: its rows, claims and payments are recovered, so that nothing of
it can be approved a second time. A batch that was not approved has paid nothing. If this database
has it, it is checked again; if not, it is discarded, and the file must be uploaded again.
"""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Engine

from libs.common.contracts.approved_payments import digest_batch
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.batches import Source as PublishedSource
from libs.common.messaging.consumer import Beat
from libs.common.observability.logs import log
from libs.common.recovery.restore import RecoveryBlocked, RecoverySteps
from services.ingest import (
    finalize,
    handlers,
    known_people,
    recovered_rows,
    recovered_sources,
    registry,
)
from services.ingest.domain.approval import Approval
from services.ingest.domain.batch import (
    APPROVED,
    ENDED_UNAPPROVED,
    UNAPPROVED,
    Batch,
)
from services.ingest.domain.correction import Correction
from services.ingest.encryption import FieldEncryption
from services.ingest.store import (
    amendments,
    approval_requests,
    approval_rules,
    approvals,
    batch_digests,
    batches,
    claims,
    corrections,
    decisions,
    discards,
    first_approvals,
    holds,
    inclusions,
    loans,
    payments,
    people,
    periods,
    published_events,
    row_outcomes,
    rows,
    sources,
    totals,
)
from services.ingest.store.newest_events import list_newest
from services.ingest.store.sources import StoredSource

#: Who discards a batch in a recovery, and why.
RECOVERY: Final = "paydown"
NOT_IN_BACKUP: Final = (
    "The database was restored from a backup that did not contain this batch. "
    "Nothing of it was approved or paid; upload the file again."
)
RECOVERED: Final = "recovered after a restore"
EXAMINE: Final = "Ingest stays read-only; a person must examine it (docs/runbooks/restore.md)."


def recovery_steps(encryption: FieldEncryption) -> RecoverySteps:
    """The steps of ingest while its database is quarantined.

    Messages of other services are read after the release, when their batches are here again.
    """
    return RecoverySteps(
        before=lambda engine, first, beat: recover_batches(engine, encryption, first, beat),
        reads=False,
    )


def recover_batches(
    engine: Engine, encryption: FieldEncryption, first: int, beat: Beat = lambda: None
) -> None:
    """Recover every batch, each in one transaction. A second call changes nothing.

    Approved batches come first, in the order in which they were approved.

    Raises:
        RecoveryBlocked: an approved batch cannot be recovered as it was; a person must
            examine it.
    """
    registry.fill_all(engine, encryption, beat)
    with engine.begin() as connection:
        holds.recover_holds(connection, first)
        approval_rules.recover_rules(connection, first)
        published = list_newest(connection, first, BatchChanged)
    unapproved_last = datetime.max.replace(tzinfo=UTC)
    for newest in sorted(
        published, key=lambda b: (b.approved_at or unapproved_last, b.uploaded_at)
    ):
        beat()
        with engine.begin() as connection:
            _recover_batch(connection, encryption, newest, first)
    with engine.begin() as connection:
        _check_behind_rows(connection, first)


def _recover_batch(
    connection: Connection, encryption: FieldEncryption, newest: BatchChanged, first: int
) -> None:
    known = batches.find_batch(connection, newest.batch_id, lock=True)
    if known is not None and known.version >= newest.version:
        return
    if newest.approved_at is not None:
        _recover_approved(connection, encryption, newest, known, first)
    elif known is None:
        _discard_unknown(connection, newest)
    else:
        _recover_unapproved(connection, encryption, newest, known, first)
    log.warning(
        "batch_taken_back",
        batch_id=str(newest.batch_id),
        status=newest.status,
        version=newest.version,
    )


def _check_behind_rows(connection: Connection, first: int) -> None:
    """Check batches again whose rows were published under a revision the batch has not reached."""
    for batch_id, revision in published_events.lock_behind_rows(connection, first):
        _write_outcomes(connection, batch_id, first)
        _count_row_messages(connection, batch_id)
        batches.start_check(connection, batch_id, revision + 1)
        published_events.publish_batch(connection, batch_id, datetime.now(UTC))


def _recover_approved(
    connection: Connection,
    encryption: FieldEncryption,
    newest: BatchChanged,
    known: Batch | None,
    first: int,
) -> None:
    """Recover rows, approval, claims and payments as they were, and the newest status."""
    now = datetime.now(UTC)
    if known is None:
        known = _uploaded(newest)
        batches.insert_batch(connection, known, RECOVERED)
    if known.status in ("receiving", "reading"):
        _stage(connection, encryption, newest, first)
    if known.status not in APPROVED:
        periods.set_period(connection, newest.batch_id, *handlers.published_period(newest))
        recovered_rows.insert_redirected(connection, encryption, newest, first)
        _write_outcomes(connection, newest.batch_id, first)
        recovered_sources.correct_addresses(connection, newest)
        recovered_sources.change_eins(connection, newest)
        decisions.recover_decisions(connection, newest, RECOVERY, now)
        approval_requests.recover_requests(connection, newest)
        amendments.recover_amendments(connection, newest, RECOVERY, now)
        _add_contributors(connection, newest)
        _approve(connection, newest)
    batches.set_status(connection, newest.batch_id, newest.status, APPROVED, newest.reason)
    batches.set_version(connection, newest.batch_id, newest.version)


def _uploaded(newest: BatchChanged) -> Batch:
    """A batch as it was before its file was read."""
    content = newest.content_sha256
    if content is None and newest.parent_batch_id is None:  # its event is older than this field
        content = sha256(str(newest.batch_id).encode()).hexdigest()
    first, last, _ = handlers.published_period(newest)
    return Batch(
        batch_id=newest.batch_id,
        family_id=newest.family_id,
        parent_batch_id=newest.parent_batch_id,
        status="reading",
        filename=newest.filename,
        period=first,
        period_end=last,
        uploaded_by=newest.uploaded_by,
        uploaded_at=newest.uploaded_at,
        content_sha256=content,
    )


def _stage(
    connection: Connection, encryption: FieldEncryption, newest: BatchChanged, first: int
) -> None:
    """Insert the rows and sources of a batch that has none.

    Lines, and the text of the file where a value was normalised, are not published: they are lost.
    """
    count = 0
    for page in published_events.pages_of_newest_rows(connection, newest.batch_id, first):
        of_file = [row for row in page if not row.redirect_of]
        rows.insert_rows(connection, [recovered_rows.staged(encryption, row) for row in of_file])
        rows.insert_encrypted_fields(connection, [recovered_rows.encrypted(row) for row in of_file])
        count += len(of_file)
    count += recovered_rows.insert_redirected(connection, encryption, newest, first)
    if count != newest.rows.total:
        raise RecoveryBlocked(
            f"Batch {newest.batch_id} was approved, but only {count} of its {newest.rows.total} "
            f"rows are on the topic. {EXAMINE}"
        )
    sources.insert_sources(
        connection,
        [_source(newest, one) for one in newest.sources if one.source_account_id and one.account],
    )


def _source(newest: BatchChanged, source: PublishedSource) -> StoredSource:
    return StoredSource(
        batch_id=newest.batch_id,
        source_account_id=source.source_account_id,
        payor_name=source.payor_name,
        dba=source.dba,
        ein=source.ein,
        aba_routing=source.aba_routing,
        account_last4=source.account_last4,
        account=source.account,
        account_index=source.account_index,
        **source.address.model_dump(),
    )


def _approve(connection: Connection, newest: BatchChanged) -> None:
    """Approve the batch as it was approved.

    The approval was valid. So payments that stand in the way of its rows and claims had ended
    unpaid by then; the ledger's messages about them come later and find their rows released. Only
    where spellings were not compared yet, both payments may stand: the older one keeps the days.
    """
    batch_id, at = newest.batch_id, newest.approved_at
    assert newest.approved_by is not None
    assert newest.digest is not None
    assert at is not None
    approval = (
        Approval(newest.approved_by, newest.seen_digest, approved_digest=newest.digest)
        if newest.seen_digest
        else Approval(newest.approved_by, newest.digest)
    )
    approval = replace(
        approval,
        assertion=newest.approval,
        rules_version=newest.rules_version,
        start_at=newest.start_at,
    )
    batches.start_check(connection, batch_id, newest.revision)
    batch_digests.mark_ready(
        connection, batch_id, newest.digest, newest.contents_digest, datetime.now(UTC)
    )
    batches.set_row_messages(connection, batch_id, newest.row_messages)
    first_approvals.recover_first(connection, newest)
    approvals.insert_includes(connection, batch_id, at)
    _compare_payments(connection, newest)
    batches.mark_approved(connection, batch_id, newest.digest)
    approvals.insert_approval(connection, batch_id, approval, newest.one_person, at)
    batch = batches.get_batch(connection, batch_id)
    superseded = payments.list_superseded(connection, batch)
    payments.release_rows(connection, superseded)
    claims.release_claims(connection, superseded)
    inclusions.release_inclusions(connection, superseded)
    claims.take_claims(connection, batch, needs_days=payments.were_days_compared(batch))
    inclusions.take_inclusions(connection, batch)
    payments.insert_payments(connection, batch)
    people.upsert_people(connection, batch_id)
    loans.upsert_loans(connection, batch_id)
    published_events.publish_payments(connection, batch, at)


def _compare_payments(connection: Connection, newest: BatchChanged) -> None:
    """Stop the recovery unless the rows make exactly the payments that were approved."""
    found = rows.sum_payable(connection, newest.batch_id)
    if found != (newest.payments, newest.payments_cents):
        raise RecoveryBlocked(
            f"Batch {newest.batch_id}: its rows make {found[0]} payments of {found[1]} cents, "
            f"approved were {newest.payments} of {newest.payments_cents}. {EXAMINE}"
        )
    if newest.contents_digest:
        payments_digest = finalize.digest_payments(connection, newest.batch_id)
        if digest_batch(newest.contents_digest, payments_digest) != newest.digest:
            raise RecoveryBlocked(
                f"Batch {newest.batch_id}: its rows make other payments than those that were "
                f"approved. {EXAMINE}"
            )


def _discard_unknown(connection: Connection, newest: BatchChanged) -> None:
    """Discard a batch that nobody approved and that this database does not have."""
    now = datetime.now(UTC)
    batch = replace(
        _uploaded(newest),
        version=newest.version,
        revision=newest.revision,
        digest=newest.digest,
        row_messages=newest.row_messages,
    )
    batches.insert_batch(connection, batch, RECOVERED)
    batches.set_status(connection, newest.batch_id, "discarded", UNAPPROVED, NOT_IN_BACKUP)
    discards.insert_discard(connection, newest.batch_id, RECOVERY, NOT_IN_BACKUP, now)
    published_events.publish_batch(connection, newest.batch_id, now)


def _recover_unapproved(
    connection: Connection,
    encryption: FieldEncryption,
    newest: BatchChanged,
    known: Batch,
    first: int,
) -> None:
    """End a batch that has ended since; check it again, under a new revision, if it is open.

    A batch whose file is not read here yet is read as usual. A first approval must be given again:
    the one in this database may have been voided since.
    """
    batch_id, now = newest.batch_id, datetime.now(UTC)
    revision = max(known.revision, newest.revision)
    batches.set_version(connection, batch_id, newest.version)
    batches.set_revision(connection, batch_id, revision)
    periods.set_period(connection, newest.batch_id, *handlers.published_period(newest))
    first_approvals.void(connection, batch_id)
    if newest.status in ENDED_UNAPPROVED:
        _end_unapproved(connection, newest, now)
        return
    _count_row_messages(connection, batch_id)
    decisions.recover_decisions(connection, newest, RECOVERY, now)
    approval_requests.recover_requests(connection, newest)
    amendments.recover_amendments(connection, newest, RECOVERY, now)
    recovered_rows.insert_redirected(connection, encryption, newest, first)
    if known.status in ("checking", "ready"):
        _write_outcomes(connection, batch_id, first)
        _add_contributors(connection, newest)
        recovered_sources.change_eins(connection, newest)
        known_people.compare_again(connection, batch_id)
        batches.start_check(connection, batch_id, revision + 1)
        published_events.publish_batch(connection, batch_id, now)


def _count_row_messages(connection: Connection, batch_id: UUID) -> None:
    """Count the messages of the batch's rows again, so that other services wait for later ones."""
    published = published_events.count_row_messages(connection, batch_id)
    batches.set_row_messages(connection, batch_id, published)


def _end_unapproved(connection: Connection, newest: BatchChanged, now: datetime) -> None:
    batch_id, reason = newest.batch_id, newest.reason
    if newest.status == "rejected":
        batches.reject(connection, batch_id, "file.rejected", reason, None)
        return
    batches.set_status(connection, batch_id, newest.status, UNAPPROVED, reason)
    if newest.status == "discarded":
        discards.insert_discard(connection, batch_id, RECOVERY, reason or "discarded", now)


def _write_outcomes(connection: Connection, batch_id: UUID, first: int) -> None:
    """Write the outcomes of rows as they were published last, and the totals."""
    for page in published_events.pages_of_newest_rows(connection, batch_id, first):
        row_outcomes.write_published(connection, page)
    totals.replace_totals(connection, batch_id)


def _add_contributors(connection: Connection, newest: BatchChanged) -> None:
    """Insert a correction without a change for everybody whose corrections are lost.

    So they still cannot approve the batch.
    """
    known = batches.list_contributors(connection, newest.batch_id)
    stored = sources.list_sources(connection, newest.batch_id)
    for person in sorted(set(newest.barred) - known) if stored else ():
        correction = Correction(stored[0].source_account_id, "address", "", RECOVERED)
        corrections.insert_correction(
            connection, newest.batch_id, correction, person, datetime.now(UTC)
        )
