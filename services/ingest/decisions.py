"""People decide about rows of a batch before its approval, and take decisions back.

An excluded row is not paid in this batch. An included row is paid although a rule excludes it
because it is paid elsewhere. What else is settled about rows is an amendment (`amendments`). Each
decision has the batch checked again, so it gets another digest, and who decided cannot approve it.
What an approver includes in the act of approving (`approvals`) is a decision of the same table.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from services.ingest.amendments import Author, amend
from services.ingest.amendments import take_back as take_amendment_back
from services.ingest.approvals import check_again
from services.ingest.domain.amendment import Amendment
from services.ingest.domain.approval_request import check_unlocked
from services.ingest.domain.batch import Batch
from services.ingest.domain.decision import (
    ROLES,
    Decision,
    Wanted,
    check_number,
    check_open,
    check_rows,
    decision_id,
    rows_in_words,
)
from services.ingest.domain.errors import RequestError
from services.ingest.encryption import FieldEncryption
from services.ingest.roster.canonical_ids import canonical_person
from services.ingest.store import (
    amendments,
    approval_requests,
    batches,
    decisions,
    rows,
    withdrawals,
)


@dataclass(frozen=True)
class Request:
    """Decisions that a person asks for together, and the digest of what they saw ("": unsaid)."""

    wanted: Sequence[Wanted]
    person: str
    roles: Collection[str]
    seen_digest: str = ""
    dry_run: bool = False


@dataclass(frozen=True)
class Effect:
    """What a decision changes of what the batch pays: rows and cents more, or fewer (negative)."""

    decision: Decision | Amendment
    rows: int
    amount_cents: int


@dataclass(frozen=True)
class Decided:
    """What was, or with a dry run would be, decided. `before` is what the batch would pay."""

    batch: Batch
    effects: tuple[Effect, ...]
    before: tuple[int, int]  # rows, cents


def decide(
    engine: Engine, encryption: FieldEncryption, batch_id: UUID, request: Request
) -> Decided:
    """Decide about rows of a ready batch, all together or not at all.

    A dry run changes nothing. The same decisions again are refused: their rows are decided.

    Raises:
        RequestError: the batch is not ready or not what was seen, the person lacks the role, or a
            decision does not fit its rows.
    """
    now = datetime.now(UTC)
    for one in request.wanted:
        check_role(one.act, request.roles)
    with engine.connect() as connection, connection.begin() as transaction:
        batch = batches.get_batch(connection, batch_id, lock=True)
        check_open(batch, request.seen_digest)
        check_unlocked(approval_requests.find_newest(connection, batch_id))
        check_number(decisions.count_with_amendments(connection, batch_id), len(request.wanted))
        before = rows.count_and_sum_payable(connection, batch_id)
        effects = tuple(
            _settle(connection, encryption, batch, one, Author(request.person, now, number))
            for number, one in enumerate(request.wanted)
        )
        if request.dry_run:
            transaction.rollback()
            return Decided(batch, effects, before)
        check_again(connection, batch, now)
        return Decided(batches.get_batch(connection, batch_id), effects, before)


def check_role(act: str, roles: Collection[str]) -> None:
    """Raise RequestError unless one of the roles may decide so, and take such a decision back."""
    able = ROLES[act]
    if not set(able) & set(roles):
        raise RequestError(
            "forbidden",
            "auth.forbidden",
            f"Only {' or '.join(able)} may {act} rows. Nothing was changed.",
            "Ask somebody with that role.",
        )


def list_all(connection: Connection, batch_id: UUID) -> list[Decision | Amendment]:
    """List every decision about a batch, in the order in which they were made."""
    made: tuple[Decision | Amendment, ...] = (
        *decisions.list_decisions(connection, batch_id),
        *amendments.list_amendments(connection, batch_id),
    )
    return sorted(made, key=lambda one: (one.decided_at, one.decision_id))


def _settle(
    connection: Connection,
    encryption: FieldEncryption,
    batch: Batch,
    wanted: Wanted,
    author: Author,
) -> Effect:
    """Insert one decision or amendment."""
    if wanted.act in ("exclude", "include"):
        return _decide(connection, batch, wanted, author)
    return Effect(*amend(connection, encryption, batch, wanted, author))


def _decide(connection: Connection, batch: Batch, wanted: Wanted, author: Author) -> Effect:
    """Insert one decision."""
    chosen = wanted.selection
    found = decisions.find_rows(
        connection, batch.batch_id, chosen, canonical_person(chosen.employee_id)
    )
    missing = len(set(chosen.row_ids)) - len(found) if chosen.row_ids else 0
    fresh = check_rows(wanted, found, missing)
    file_rows = [row.file_row for row in fresh]
    decision = Decision(
        decision_id=decision_id(batch, author.name),
        batch_id=batch.batch_id,
        act="include" if wanted.act == "include" else "exclude",
        target=rows_in_words(file_rows) if chosen.row_ids else chosen.target,
        reason=wanted.reason,
        evidence=wanted.evidence,
        seen_digest=batch.digest or "",
        file_rows=tuple(file_rows),
        rows=len(file_rows),
        amount_cents=sum(row.amount_cents for row in fresh),
        decided_by=author.person,
        decided_at=author.now,
    )
    decisions.insert_decision(connection, decision)
    return _effect(decision, fresh)


def _effect(decision: Decision, chosen: Sequence[Any]) -> Effect:
    """The change of what is paid: the excluded rows that would be, or all that are included."""
    if decision.act == "include":
        return Effect(decision, len(chosen), decision.amount_cents)
    paid = [row for row in chosen if row.status == "payable"]
    return Effect(decision, -len(paid), -sum(row.amount_cents for row in paid))


def take_back(
    engine: Engine, batch_id: UUID, wanted_id: UUID, person: str, roles: Collection[str]
) -> Batch:
    """Take a decision of a ready batch back; the batch is checked again.

    Who takes it back cannot approve the batch. The same call by the same person changes nothing.

    Raises:
        RequestError: there is no such decision, the batch is not ready, or the person lacks the
            role that may decide so.
    """
    now = datetime.now(UTC)
    with engine.begin() as connection:
        batch = batches.get_batch(connection, batch_id, lock=True)
        found = decisions.find_decision(
            connection, batch_id, wanted_id
        ) or amendments.find_amendment(connection, batch_id, wanted_id)
        if found is None:
            raise RequestError(
                "not_found",
                "decision.unknown",
                "There is no such decision about this batch.",
                "Look at the decisions of the batch.",
            )
        check_role(found.act, roles)
        if found.withdrawn_by == person:
            return batch
        if found.withdrawn_by is not None:
            raise RequestError(
                "conflict",
                "decision.taken-back",
                f"{found.withdrawn_by} took this decision back already. Nothing was changed.",
                "Look at the decisions of the batch.",
            )
        check_open(batch, "")
        check_unlocked(approval_requests.find_newest(connection, batch_id))
        if isinstance(found, Amendment):
            take_amendment_back(connection, found, person, now)
        else:
            withdrawals.withdraw(connection, found, person, now)
        check_again(connection, batch, now)
        return batches.get_batch(connection, batch_id)
