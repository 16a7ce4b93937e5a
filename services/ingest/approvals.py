"""What people do with a batch, each act in one transaction: approve, discard, correct."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

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
from services.ingest.domain.decision import (
    Decision,
    check_number,
    decision_id,
    rows_in_words,
)
from services.ingest.domain.errors import RequestError
from services.ingest.domain.start import check_start
from services.ingest.store import (
    approval_requests,
    approvals,
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
    row_outcomes,
    rows,
    sources,
    totals,
)


class HoldsMoved(Exception):
    """Holds on rows of the batch were set or lifted since its check; roll back."""


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
    except claims.ClaimsMoved:
        with engine.begin() as connection:
            batch = batches.get_batch(connection, batch_id, lock=True)
            if batch.digest == approval.digest:
                check_again(connection, batch, now)
        raise RequestError(
            "conflict",
            "approval.claims-moved",
            "Rows or people of this batch were approved in another batch meanwhile; "
            "it is being checked again.",
            "Look at it again when it is ready.",
        ) from None
    except HoldsMoved:
        with engine.begin() as connection:
            batch = batches.get_batch(connection, batch_id, lock=True)
            if batch.digest == approval.digest:
                check_again(connection, batch, now)
        raise RequestError(
            "conflict",
            "approval.held",
            "A hold on rows of this batch was set or lifted since it was checked; nothing was "
            "approved. It is being checked again.",
            "Look at it again when it is ready.",
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
    approval_rules.check_approver(
        approval.person,
        batches.list_contributors(connection, batch_id),
        policy.one_person,
        approval.counts_as,
    )
    approval_rules.check_approval(
        batch,
        approval,
        issues.list_warning_codes(connection, batch_id),
        rows.count_payable(connection, batch_id) + len(approval.include),
    )
    first = first_approvals.find_standing(connection, batch_id)
    if first is None or first.start_at != approval.start_at:
        check_start(approval.start_at, now)  # one that passed since the first approval is as good
    if approval.include:
        included_digest = _include_rows(connection, batch, approval, now)
        batches.set_digest(connection, batch_id, included_digest)
        approval = replace(approval, approved_digest=included_digest)
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


def _include_rows(connection: Connection, batch: Batch, approval: Approval, now: datetime) -> str:
    """Make the excluded rows payable that the approver names, as the next revision of these rows.

    Returns:
        The digest of the batch with them: what is paid agrees with it.

    Raises:
        RequestError: one of them is not an excluded row of this batch; roll back.
    """
    excluded = {
        row.row_id: row
        for row in rows.list_excluded_in_period(
            connection, batch.batch_id, [one.row_id for one in approval.include]
        )
    }
    if len(excluded) != len(approval.include):
        raise RequestError(
            "conflict",
            "approval.include",
            "A row to include is not a row of this batch that was excluded for its pay period.",
            "Look at the excluded rows again.",
        )
    by_reason: dict[str, list[Any]] = defaultdict(list)
    for one in approval.include:
        by_reason[one.reason].append(excluded[one.row_id])
    check_number(decisions.count_with_amendments(connection, batch.batch_id), len(by_reason))
    for number, (reason, chosen) in enumerate(by_reason.items()):
        file_rows = [row.file_row for row in chosen]
        decision = Decision(
            decision_id=decision_id(batch, f"approval-{number}"),
            batch_id=batch.batch_id,
            act="include",
            target=rows_in_words(file_rows),
            reason=reason,
            evidence="",
            seen_digest=approval.digest,
            file_rows=tuple(file_rows),
            rows=len(file_rows),
            amount_cents=sum(row.amount_cents for row in chosen),
            decided_by=approval.person,
            decided_at=now,
            at_approval=True,
        )
        decisions.insert_decision(connection, decision)
    batches.set_revision(connection, batch.batch_id, batch.revision + 1)
    row_outcomes.write_includes(
        connection, batch, batch.revision + 1, approval.person, approval.include
    )
    digest, _ = finalize.publish_rows(
        connection, batches.get_batch(connection, batch.batch_id), now
    )
    totals.replace_totals(connection, batch.batch_id)
    return digest


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
