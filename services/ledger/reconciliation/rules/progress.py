"""Whether a run can be judged: what is still missing, and the moment that it is compared with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.ledger.domain.comparisons import (
    DISPATCHER,
    Finding,
    RunProgress,
    StatementRun,
    VersionsAtClose,
)

#: The moment that means: the payments as they are now. PostgreSQL's largest timestamp.
NOW = "infinity"


@dataclass(frozen=True, slots=True)
class Moment:
    """What a run is compared with: the payments' states at `until`.

    A run gives a certificate only if `certifiable`.
    """

    until: datetime | str
    certifiable: bool


def choose_moment(statement: StatementRun, versions: VersionsAtClose) -> Moment:
    """The moment whose states a run is compared with.

    Usually nothing has changed since the run began, and the states are taken as they are now.
    Otherwise they are taken as they were when the run closed, and there is no certificate if a
    status changed while the run was under way. Both go by the events' own times, so a rebuild that
    reads the topics in another order judges the same.
    """
    if versions.versions == statement.final_versions:
        return Moment(NOW, certifiable=True)
    complete = versions.versions_then >= statement.final_versions
    return Moment(statement.closed_at, complete and not versions.status_changed)


def cut_short(statement: StatementRun) -> Finding:
    """The dispatcher could not read the provider's whole list."""
    return Finding(
        "incomplete",
        "walk",
        expected="the whole list",
        found=statement.message or "cut short",
    )


def missing_messages(statement: StatementRun, progress: RunProgress) -> list[Finding]:
    """What must still arrive before a run can be judged."""
    missing = []
    if not progress.declared_payments:
        missing.append(_waiting("batch", "the approved batch", "not here yet"))
    elif progress.payments < progress.declared_payments:
        expected = f"{progress.declared_payments} approved payments"
        missing.append(_waiting("approvals", expected, f"{progress.payments}"))
    if progress.versions < statement.final_versions:
        expected = f"{statement.final_versions} versions of statuses"
        missing.append(_waiting("statuses", expected, f"{progress.versions}"))
    if progress.waiting:
        found = f"{progress.waiting} wait for an earlier one"
        missing.append(_waiting("changes", "every status in its turn", found))
    if (progress.lines, progress.amount_cents) != (statement.lines, statement.amount_cents):
        missing.append(
            Finding(
                "incomplete",
                "lines",
                expected=f"{statement.lines} lines, {statement.amount_cents} cents",
                found=f"{progress.lines} lines, {progress.amount_cents} cents",
            )
        )
    return missing


def _waiting(subject: str, expected: str, found: str) -> Finding:
    return Finding("waiting", subject, expected=expected, found=found)


def dead_letters(letters: Sequence[tuple[int, str]]) -> list[Finding]:
    """Messages of the batch that the ledger rejected, as (dead letter id, code)."""
    return [
        Finding("dead_letter", str(letter_id), expected="every message applied", found=code)
        for letter_id, code in letters
    ]


def dispatcher_dead_letters(statement: StatementRun) -> list[Finding]:
    """Messages of the batch that the dispatcher had rejected when the run closed."""
    if not statement.dead_letters:
        return []
    return [
        Finding(
            "dead_letter",
            DISPATCHER,
            expected="every message applied",
            found=f"{statement.dead_letters} rejected by the dispatcher",
        )
    ]


def undecided_duplicates(statement: StatementRun) -> list[Finding]:
    """Payments that were alive twice at the provider, about which people have not decided yet."""
    if not statement.undecided_duplicates:
        return []
    return [
        Finding(
            "duplicate",
            DISPATCHER,
            expected="a decision of two people about each payment that was there twice",
            found=f"{statement.undecided_duplicates} not decided",
        )
    ]
