"""The acts of people on a batch, each one transaction: approve, discard, correct, derive a child."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from services.ingest import domain as rules
from services.ingest import finalize
from services.ingest.domain import Approval, Batch, Correction, Refused
from services.ingest.store import batches, payments, rows


def approve(engine: Engine, batch_id: UUID, approval: Approval, one_person: bool) -> Batch:
    """Approve a batch: claims, payments and messages in one transaction; the same approval again gives the same answer.

    Raises:
        Refused: another person must do it, or the batch is not what was seen. If other batches took rows of it meanwhile, it is checked again.
    """
    now = datetime.now(UTC)
    try:
        with engine.begin() as connection:
            return _approve(connection, batch_id, approval, one_person, now)
    except payments.ClaimsMoved:
        with engine.begin() as connection:
            if batches.find(connection, batch_id, lock=True).digest == approval.digest:
                batches.check_again(connection, batch_id, now)
        raise Refused(
            "conflict",
            "approval.claims-moved",
            "Rows of this batch were approved in another batch meanwhile; it is being checked again.",
            "Look at it again when it is ready.",
        ) from None


def _approve(
    connection: Connection, batch_id: UUID, approval: Approval, one_person: bool, now: datetime
) -> Batch:
    batch = batches.find(connection, batch_id, lock=True)
    if batch.approved_by is not None and (batch.approved_by, batch.digest) == (
        approval.person,
        approval.digest,
    ):
        return batch
    rules.check_approver(
        approval.person, batches.ineligible_approvers(connection, batch_id), one_person
    )
    payable = payments.payable(connection, batch_id) + len(approval.include)
    rules.check_approval(batch, approval, payments.to_acknowledge(connection, batch_id), payable)
    sent = 0
    if payments.include(connection, batch, approval, now):
        _, sent = finalize.publish_rows(
            connection, replace(batch, revision=batch.revision + 1), now
        )
        rows.total(connection, batch_id)
    if not payments.mark_approved(connection, batch, approval, one_person, sent, now):
        raise Refused(
            "conflict",
            "approval.stale",
            "The batch has changed since it was looked at.",
            "Look at it again.",
        )
    payments.take_claims(connection, batch)
    payments.add_payments(connection, batch)
    approved = batches.publish(connection, batch_id, now)
    payments.publish_payments(connection, approved, now)
    return approved


def discard(engine: Engine, batch_id: UUID, person: str, reason: str) -> Any:
    """Discard a batch before its approval: who, when and why. The same person again gets the same answer.

    Raises:
        Refused: it is approved, or over.
    """
    with engine.begin() as connection:
        batch = batches.find(connection, batch_id, lock=True)
        batches.discard(connection, batch_id, person, reason, rules.DISCARDABLE, datetime.now(UTC))
        done = batches.discarded(connection, batch_id)
        if done is None or done.discarded_by != person:
            raise Refused(
                "conflict",
                "discard.too-late",
                f"The batch is {batch.status.replace('_', ' ')}; it cannot be discarded.",
                "Cancel the rest of an approved batch instead.",
                batch_status=batch.status,
            )
        return done


def correct(
    engine: Engine, batch_id: UUID, corrections: Sequence[Correction], person: str
) -> Batch:
    """Correct payors' addresses of a ready batch, once for the batch; it is checked with the provider again and gets another digest.

    Raises:
        Refused: not ready, not what was seen, or not a value.
    """
    made = [rules.check_correction(one) for one in corrections]
    with engine.begin() as connection:
        batch = batches.find(connection, batch_id, lock=True)
        if batch.status != "ready":
            raise Refused(
                "conflict",
                "correction.not-ready",
                f"The batch is {batch.status.replace('_', ' ')}; only a ready batch is corrected.",
                "Wait until it is ready, or upload a mended roster.",
                batch_status=batch.status,
            )
        batches.correct(connection, batch_id, made, person, datetime.now(UTC))
        mended = [
            s.source_account_id
            for s in batches.sources(connection, batch_id)
            if rules.address_is_consistent(s.state, s.zip)
        ]
        corrected = {one.source_account_id for one in made}
        rows.forget_mended_warnings(
            connection, batch_id, [name for name in mended if name in corrected]
        )
        return batches.find(connection, batch_id)
