"""Rules by amount: from which sum on a batch needs two approvers. They only make it stricter."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from libs.common.contracts.money import dollars
from services.ingest.domain.approval import Approval
from services.ingest.domain.errors import RequestError

Scope = Literal["total", "source"]
RULES_MAX: Final = 50
#: A proposal is tried out on so many batches that were approved last.
TRIED_MAX: Final = 50
#: The version as which rules are tried out; nothing is ever stored under it.
TRIAL_VERSION: Final = 2**31 - 1


@dataclass(frozen=True)
class Rule:
    """Two approvers are needed from this sum on: of the batch, or of one source account in it.

    An empty `source_account_id` means any one source account.
    """

    scope: Scope
    source_account_id: str
    from_cents: int

    @property
    def sentence(self) -> str:
        """The rule in words."""
        whose = "the batch pays"
        if self.scope == "source":
            named = self.source_account_id
            whose = f"source account {named} pays" if named else "one source account pays"
        return f"{whose} ${dollars(self.from_cents)} or more"


@dataclass(frozen=True)
class RuleSet:
    """The rules of one version, who proposed and who confirmed or rejected them.

    `tried` batches were tried out when it was proposed, `tried_two` of them would have needed two
    approvers. `outcome` is empty while a second person has not decided.
    """

    rules_version: int
    rules: tuple[Rule, ...]
    reason: str
    tried: int
    tried_two: int
    proposed_by: str
    proposed_at: datetime
    proposed_counts_as: tuple[str, ...] = ()
    outcome: Literal["", "confirmed", "rejected"] = ""
    ended_by: str | None = None
    ended_at: datetime | None = None
    ended_counts_as: tuple[str, ...] = ()
    end_reason: str = ""

    @property
    def version(self) -> int:
        """The version of its newest published state."""
        return 2 if self.outcome else 1


@dataclass(frozen=True)
class FirstApproval:
    """The first of two approvals of a batch as it was then (`digest`). Nothing is paid by it.

    `one_person`: the setting for one person was on, so a hand in the batch did not matter.
    `start_at`: when the batch may begin to be paid; None: at once.
    """

    number: int
    digest: str
    approved_by: str
    approved_at: datetime
    rules_version: int
    counts_as: tuple[str, ...] = ()
    acknowledged: tuple[str, ...] = ()
    assertion: str = ""
    one_person: bool = False
    start_at: datetime | None = None


def check_rules(rules: Sequence[Rule]) -> None:
    """Raise RequestError unless these rules can stand beside each other."""
    if len(rules) > RULES_MAX:
        raise RequestError(
            "invalid",
            "approval-rules.too-many",
            f"There are at most {RULES_MAX} rules. Nothing was changed.",
            "Leave out rules that others cover.",
        )
    if any(one.scope == "total" and one.source_account_id for one in rules):
        raise RequestError(
            "invalid",
            "approval-rules.scope",
            "A rule about the whole batch names no source account. Nothing was changed.",
            "Leave the source account out, or make it a rule about a source.",
        )
    if len({(one.scope, one.source_account_id) for one in rules}) < len(rules):
        raise RequestError(
            "invalid",
            "approval-rules.twice",
            "Two rules are about the same. Nothing was changed.",
            "Keep the one with the lower amount.",
        )


def check_proposal(base: int, current: RuleSet | None, waiting: RuleSet | None) -> None:
    """Raise RequestError unless rules can be proposed that replace those of version `base`."""
    if base != (current.rules_version if current else 0):
        raise RequestError(
            "conflict",
            "approval-rules.stale",
            "The rules have changed since you looked at them. Nothing was changed.",
            "Look at them again.",
        )
    if waiting is not None:
        raise RequestError(
            "conflict",
            "approval-rules.open",
            f"Rules that {waiting.proposed_by} proposed wait for a second person. "
            "Nothing was changed.",
            "Have them confirmed or rejected first.",
        )


def check_end(
    found: RuleSet | None, person: str, counts_as: Collection[str], *, confirm: bool
) -> None:
    """Raise RequestError unless this person can confirm or reject proposed rules.

    Who proposed them can reject them, but not confirm them.

    Args:
        counts_as: people whose acts may have been this person's, by an API token.
    """
    if found is None:
        raise RequestError(
            "not_found",
            "approval-rules.unknown",
            "There are no such rules.",
            "Look at the rules again.",
        )
    if found.outcome:
        raise RequestError(
            "conflict",
            "approval-rules.over",
            f"{found.ended_by} has {found.outcome} these rules already. Nothing was changed.",
            "Look at the rules again.",
        )
    same = person == found.proposed_by or person in found.proposed_counts_as
    if confirm and (same or found.proposed_by in counts_as):
        raise RequestError(
            "forbidden",
            "approval-rules.same-person",
            f"{found.proposed_by} proposed these rules; another person must confirm them. Who made "
            "an API token counts as its person. Nothing was changed.",
            "Ask another administrator or an approver.",
        )


def check_second(approval: Approval, first: FirstApproval) -> None:
    """Raise RequestError unless the second approval is of another person and of the same start.

    Both people count as those for whom they made API tokens.
    """
    if approval.start_at != first.start_at:
        start = f"a start at {first.start_at.isoformat()}" if first.start_at else "a start at once"
        raise RequestError(
            "conflict",
            "approval.start-two",
            f"{first.approved_by} approved {start}; both approvers must approve the same start. "
            "Nothing is paid yet.",
            "Approve the same start, or send the batch back so that both approve another one.",
        )
    same = approval.person in first.counts_as or first.approved_by in approval.counts_as
    if approval.person == first.approved_by or same:
        raise RequestError(
            "forbidden",
            "approval.second-person",
            f"{first.approved_by} has approved this batch already; the second approval must be of "
            "another person. Who made an API token counts as its person. Nothing is paid yet.",
            "Ask another approver.",
        )
