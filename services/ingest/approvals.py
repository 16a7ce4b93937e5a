"""What people do with a batch, each act in one transaction: approve, discard, correct."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine

from libs.common.contracts.approved_payments import digest_batch
from services.ingest import (
    finalize,
    known_people,
    mended_rows,
    redirects,
    two_approvals,
    year_limit,
)
from services.ingest.domain import approval as approval_rules
from services.ingest.domain.approval import Approval, ApprovalPolicy
from services.ingest.domain.approval_request import check_unlocked
from services.ingest.domain.batch import DISCARDABLE, Batch, status_words
from services.ingest.domain.correction import Correction, check_correction, is_consistent
from services.ingest.domain.errors import RequestError
from services.ingest.domain.start import check_start
from services.ingest.included_rows import include_rows
from services.ingest.store import (
    approval_requests,
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
    issues,
    loans,
    payments,
    people,
    published_events,
    rows,
    sources,
)


class HoldsMoved(Exception):
    """Holds on rows of the batch were set or lifted since its check; roll back."""


class DigestMoved(Exception):
    """The digest of the batch is not of the payments that its rows make; roll back.

    That is so if it was checked by a version whose digest did not cover them.
    """


#: Why a batch is checked again instead of being approved: the code and the sentence.
_CHECKED_AGAIN: Final = {
    claims.ClaimsMoved: (
        "approval.claims-moved",
        (
            "Rows or people of this batch were approved in another batch meanwhile; "
            "it is being checked again."
        ),
    ),
    HoldsMoved: (
        "approval.held",
        (
            "A hold on rows of this batch was set or lifted since it was checked; nothing was "
            "approved. It is being checked again."
        ),
    ),
    DigestMoved: (
        "approval.stale",
        (
            "The digest of this batch does not cover its payments as they are now; nothing was "
            "approved. It is being checked again."
        ),
    ),
}


def approve(
    engine: Engine,
    batch_id: UUID,
    approval: Approval,
    policy: ApprovalPolicy,
) -> Batch:
    """Approve a batch: claims, payments and messages in one transaction.

    If a rule asks for two approvers, the first approval only is kept, and the batch stays ready.
    The same approval again gives the same answer. If other batches took rows of it meanwhile,
    the batch is checked again.

    Raises:
        RequestError: another person must do it, or the batch is not what was seen.
    """
    now = datetime.now(UTC)
    touched: list[UUID] = []
    try:
        with engine.begin() as connection:
            done = _approve(connection, batch_id, approval, policy, now, touched)
    except tuple(_CHECKED_AGAIN) as moved:
        with engine.begin() as connection:
            batch = batches.get_batch(connection, batch_id, lock=True)
            if batch.digest == approval.digest:
                check_again(connection, batch, now)
        code, message = _CHECKED_AGAIN[type(moved)]
        raise RequestError(
            "conflict", code, message, "Look at it again when it is ready."
        ) from None
    except inclusions.AlreadyIncluded as error:
        raise RequestError(
            "conflict",
            "approval.include-taken",
            f"A row to include was taken in by batch {error.batch_ids[0]} already. Only one batch "
            "and its child batches may pay a row again that is paid elsewhere in this period.",
            "Leave it out, or look at the other batch.",
            batches=error.batch_ids,
        ) from None
    for other_id in touched:  # one that a crash leaves out is checked again by its approval
        with engine.begin() as connection:
            check_again(connection, batches.get_batch(connection, other_id, lock=True), now)
    return done


def check_again(connection: Connection, batch: Batch, now: datetime) -> None:
    """Send a locked batch to the preflight again, unless it is approved or over."""
    if batches.start_check(connection, batch.batch_id, batch.revision + 1):
        known_people.compare_again(connection, batch.batch_id)
        published_events.publish_batch(connection, batch.batch_id, now)


def ask_provider_again(engine: Engine, batch_id: UUID) -> Batch:
    """Check a ready batch with the provider again; it gets another digest if outcomes change.

    A batch that is not ready stays as it is: what it shows is being checked, or was approved.
    """
    now = datetime.now(UTC)
    with engine.begin() as connection:
        batch = batches.get_batch(connection, batch_id, lock=True)
        if batch.status == "ready":
            check_again(connection, batch, now)
        return batches.get_batch(connection, batch_id)


def _approve(
    connection: Connection,
    batch_id: UUID,
    approval: Approval,
    policy: ApprovalPolicy,
    now: datetime,
    touched: list[UUID],
) -> Batch:
    """Approve it. `touched` gets the open batches whose rows are held for it from now on."""
    batch = batches.get_batch(connection, batch_id, lock=True)
    if _is_the_same_again(connection, batch, approval):
        return batch
    _check(connection, batch, approval, policy)
    payments_digest = finalize.digest_payments(connection, batch_id)
    if digest_batch(batch.contents_digest, payments_digest) != batch.digest:
        raise DigestMoved
    first = first_approvals.find_standing(connection, batch_id)
    if first is None or first.start_at != approval.start_at:
        check_start(approval.start_at, now)  # one that passed since the first approval is as good
    if approval.include:
        included = include_rows(connection, batch, approval, now)
        if approval.approved_digest not in ("", included.text):
            raise RequestError(
                "conflict",
                "approval.stale",
                "What would be paid with the included rows is not what was approved.",
                "Look at the batch again.",
            )
        batch_digests.set_digest(connection, batch_id, included)
        approval = replace(approval, approved_digest=included.text)
    rules_version, waits = two_approvals.record_first(
        connection, batch, approval, now, one_person=policy.one_person
    )
    if waits:
        return batches.get_batch(connection, batch_id)
    if decisions.count_payable_excluded(connection, batch_id):
        raise claims.ClaimsMoved
    approvals.insert_includes(connection, batch_id, now)
    if not batches.mark_approved(connection, batch_id, approval.approved_digest or approval.digest):
        raise RequestError(
            "conflict",
            "approval.stale",
            "The batch has changed since you looked at it.",
            "Look at it again.",
        )
    approval = replace(approval, rules_version=rules_version)
    approvals.insert_approval(connection, batch_id, approval, policy.one_person, now)
    claims.take_claims(connection, batch)
    inclusions.take_inclusions(connection, batch)
    payments.insert_payments(connection, batch)
    _check_nothing_moved(connection, batch, policy)
    touched += redirects.close_old_loans(connection, batch, now)
    people.upsert_people(connection, batch_id)
    loans.upsert_loans(connection, batch_id)
    approved = published_events.publish_batch(connection, batch_id, now)
    published_events.publish_payments(connection, approved, now)
    return approved


def find_included_digest(
    engine: Engine, batch_id: UUID, approval: Approval, policy: ApprovalPolicy
) -> str:
    """The digest that a batch would have by an approval, with the included rows.

    The gateway asks for it, and signs it with the call that approves. Nothing is changed. Of a
    batch that was approved so, it is the digest that it has.

    Raises:
        RequestError: the approval would be refused.
    """
    with engine.connect() as connection:  # what is written is rolled back at the end
        batch = batches.get_batch(connection, batch_id, lock=True)
        if not approval.include or _is_the_same_again(connection, batch, approval):
            return batch.digest or ""
        _check(connection, batch, approval, policy)
        included = include_rows(connection, batch, approval, datetime.now(UTC))
        connection.rollback()
    return included.text


def _check(
    connection: Connection, batch: Batch, approval: Approval, policy: ApprovalPolicy
) -> None:
    """Check who approves, and that the approval fits a locked batch as it is now.

    Raises:
        RequestError: it is refused.
    """
    approval_rules.check_approver(
        approval.person,
        batches.list_contributors(connection, batch.batch_id),
        policy.one_person,
        approval.counts_as,
    )
    approval_rules.check_approval(
        batch,
        approval,
        issues.list_warning_codes(connection, batch.batch_id),
        rows.count_payable(connection, batch.batch_id) + len(approval.include),
    )


def _check_nothing_moved(connection: Connection, batch: Batch, policy: ApprovalPolicy) -> None:
    """Raise ClaimsMoved or HoldsMoved if what the check of the batch found is so no more."""
    if (
        finalize.has_other_payees_since(connection, batch)
        or mended_rows.has_also_paid_since(connection, batch)
        or year_limit.has_passed_since(connection, batch, policy.year)
        or people.count_payable_changed(connection, batch.batch_id)
    ):
        raise claims.ClaimsMoved
    # approvals and holds wait for each other
    if holds.count_payable_held(connection, batch) or holds.count_excluded_unheld(
        connection, batch
    ):
        raise HoldsMoved


def _is_the_same_again(connection: Connection, batch: Batch, approval: Approval) -> bool:
    """Whether the batch is approved, and this is one of its approvals once more."""
    if batch.approved_by is None:
        return False
    seen = (approval.person, approval.digest, approval.start_at)
    first = first_approvals.find_standing(connection, batch.batch_id)
    return seen == (batch.approved_by, batch.seen_digest or batch.digest, batch.start_at) or (
        first is not None and seen == (first.approved_by, first.digest, first.start_at)
    )


def discard(engine: Engine, batch_id: UUID, person: str, reason: str) -> Any:
    """Discard a batch before its approval: who, when and why.

    The same person again gets the same answer.

    Raises:
        RequestError: it is approved, or over.
    """
    now = datetime.now(UTC)
    with engine.begin() as connection:
        batch = batches.get_batch(connection, batch_id, lock=True)
        if batches.set_status(connection, batch_id, "discarded", DISCARDABLE, reason):
            discards.insert_discard(connection, batch_id, person, reason, now)
            published_events.publish_batch(connection, batch_id, now)
        done = discards.find_discard(connection, batch_id)
        if done is None or done.discarded_by != person:
            raise RequestError(
                "conflict",
                "discard.too-late",
                f"The batch is {status_words(batch.status)}; it cannot be discarded.",
                "If it is approved, cancel the rest of it instead.",
                batch_status=batch.status,
            )
        return done


def correct(engine: Engine, batch_id: UUID, wanted: Sequence[Correction], person: str) -> Batch:
    """Correct payors' addresses of a ready batch, once for the whole batch.

    The provider is asked about the batch again, and the batch gets another digest.

    Raises:
        RequestError: not ready, not what was seen, or not a valid value.
    """
    made, now = [check_correction(one) for one in wanted], datetime.now(UTC)
    with engine.begin() as connection:
        batch = batches.get_batch(connection, batch_id, lock=True)
        if batch.status != "ready":
            raise RequestError(
                "conflict",
                "correction.not-ready",
                f"The batch is {status_words(batch.status)}; only a ready batch is corrected.",
                "Wait until it is ready, or upload a corrected roster.",
                batch_status=batch.status,
            )
        check_unlocked(approval_requests.find_newest(connection, batch_id))
        for one in made:
            _correct(connection, batch_id, one, person, now)
        corrected = {one.source_account_id for one in made}
        consistent = [
            source.source_account_id
            for source in sources.list_sources(connection, batch_id)
            if source.source_account_id in corrected and is_consistent(source.state, source.zip)
        ]
        issues.delete_address_warnings(connection, batch_id, consistent)
        check_again(connection, batch, now)
        return batches.get_batch(connection, batch_id)


def _correct(
    connection: Connection, batch_id: UUID, correction: Correction, person: str, now: datetime
) -> None:
    if not sources.change_address(connection, batch_id, correction):
        raise RequestError(
            "conflict",
            "correction.stale",
            f"The {correction.field} of {correction.source_account_id} is not what you saw.",
            "Look at the batch again.",
        )
    corrections.insert_correction(connection, batch_id, correction, person, now)
