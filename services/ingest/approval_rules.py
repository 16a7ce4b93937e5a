"""Rules by amount: an administrator proposes them, they are tried out, another person confirms."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine

from services.ingest.domain.approval_rules import (
    TRIAL_VERSION,
    TRIED_MAX,
    Rule,
    RuleSet,
    check_end,
    check_proposal,
    check_rules,
)
from services.ingest.store import approval_rules


@dataclass(frozen=True)
class Proposal:
    """Rules that a person proposes in place of those of version `base` (0: there are none)."""

    base: int
    rules: tuple[Rule, ...]
    reason: str
    person: str
    counts_as: Collection[str] = ()
    dry_run: bool = False


@dataclass(frozen=True)
class Tried:
    """Proposed rules, and the batches approved last with what the rules would have asked for."""

    rules: RuleSet
    batches: Sequence[Any]


def propose(engine: Engine, proposal: Proposal) -> Tried:
    """Try rules out, and propose them unless it is a dry run, which changes nothing.

    They hold once another person has confirmed them.

    Raises:
        RequestError: the rules contradict each other, have changed, or others wait already.
    """
    check_rules(proposal.rules)
    now = datetime.now(UTC)
    with engine.begin() as connection:
        if not proposal.dry_run:
            approval_rules.lock_rules(connection, change=True)
        made = approval_rules.list_sets(connection)
        current = next((one for one in made if one.outcome == "confirmed"), None)
        waiting = next((one for one in made if not one.outcome), None)
        check_proposal(proposal.base, current, None if proposal.dry_run else waiting)
        wanted = RuleSet(
            rules_version=made[0].rules_version + 1 if made else 1,
            rules=proposal.rules,
            reason=proposal.reason,
            tried=0,
            tried_two=0,
            proposed_by=proposal.person,
            proposed_at=now,
            proposed_counts_as=tuple(sorted(proposal.counts_as)),
        )
        tried = _try_out(connection, wanted, current)
        if not proposal.dry_run:
            approval_rules.insert_set(connection, tried.rules)
            approval_rules.publish(connection, tried.rules)
        return tried


def _try_out(connection: Connection, wanted: RuleSet, current: RuleSet | None) -> Tried:
    """Try rules out as they would be stored, and take that back."""
    with connection.begin_nested() as attempt:
        # Written as ended, so that it can stand beside a proposal that waits.
        ended = replace(
            wanted,
            rules_version=TRIAL_VERSION,
            outcome="rejected",
            ended_by=wanted.proposed_by,
            ended_at=wanted.proposed_at,
        )
        approval_rules.insert_set(connection, ended)
        found = approval_rules.try_out(
            connection,
            TRIAL_VERSION,
            current.rules_version if current else 0,
            TRIED_MAX,
        )
        attempt.rollback()
    two = sum(bool(one.hit) for one in found)
    return Tried(replace(wanted, tried=len(found), tried_two=two), found)


def end(
    engine: Engine,
    rules_version: int,
    outcome: Literal["confirmed", "rejected"],
    person: str,
    counts_as: Collection[str] = (),
    reason: str = "",
) -> RuleSet:
    """Confirm proposed rules, which hold from then on, or reject them.

    The same person again gets the same answer.

    Raises:
        RequestError: there are none, somebody has decided, or the person must not confirm them.
    """
    with engine.begin() as connection:
        approval_rules.lock_rules(connection, change=True)
        made = {one.rules_version: one for one in approval_rules.list_sets(connection)}
        found = made.get(rules_version)
        if found is not None and (found.outcome, found.ended_by) == (outcome, person):
            return found
        check_end(found, person, counts_as, confirm=outcome == "confirmed")
        assert found is not None
        ended = replace(
            found,
            outcome=outcome,
            ended_by=person,
            ended_at=_after_approvals(connection),
            ended_counts_as=tuple(sorted(counts_as)),
            end_reason=reason,
        )
        approval_rules.end_set(connection, ended)
        approval_rules.publish(connection, ended)
        return ended


def _after_approvals(connection: Connection) -> datetime:
    """The time of a change of the rules, which approvals wait for: after all that were given.

    A replica's clock may be behind. A restore tells by these times which rules an approval had.
    """
    now, newest = datetime.now(UTC), approval_rules.find_newest_approval(connection)
    return now if newest is None else max(now, newest + timedelta(microseconds=1))
