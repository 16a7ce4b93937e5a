"""Requests and answers about rules by amount."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from libs.common.contracts.envelope import MAX_CENTS
from services.ingest.approval_rules import Tried
from services.ingest.domain.approval_rules import FirstApproval, Rule, RuleSet
from services.ingest.schemas.requests import Body

_SHOWN = (
    *("rules_version", "reason", "tried", "tried_two", "proposed_by", "proposed_at"),
    *("ended_by", "ended_at", "end_reason"),
)


class RuleBody(Body):
    """Two approvers from this sum on; an empty source account means any one."""

    scope: Literal["total", "source"]
    source_account_id: str = Field(default="", max_length=256)
    from_cents: int = Field(gt=0, le=MAX_CENTS)


class RulesBody(Body):
    """Rules in place of those of version `base`."""

    base: int = Field(ge=0)
    rules: list[RuleBody] = Field(max_length=1_000)
    reason: str = Field(min_length=1, max_length=500)
    dry_run: bool = False

    def made(self) -> tuple[Rule, ...]:
        """The rules."""
        return tuple(Rule(one.scope, one.source_account_id, one.from_cents) for one in self.rules)


def rules_item(one: RuleSet) -> dict[str, Any]:
    """The rules of one version, with who proposed and who confirmed them."""
    return {
        **{name: getattr(one, name) for name in _SHOWN},
        "state": one.outcome or "proposed",
        "rules": [_rule(rule) for rule in one.rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "scope": rule.scope,
        "source_account_id": rule.source_account_id,
        "from_cents": rule.from_cents,
        "sentence": rule.sentence,
    }


def history_answer(made: Sequence[RuleSet]) -> dict[str, Any]:
    """The rules that hold, those that wait for a second person, and all that ever were."""
    confirmed = [one for one in made if one.outcome == "confirmed"]
    waiting = [one for one in made if not one.outcome]
    return {
        "current": rules_item(confirmed[0]) if confirmed else None,
        "proposal": rules_item(waiting[0]) if waiting else None,
        "items": [rules_item(one) for one in made],
    }


def tried_answer(tried: Tried, *, dry_run: bool) -> dict[str, Any]:
    """Proposed rules, and what they would have meant for the batches approved last."""
    rules = tried.rules.rules
    return {
        **rules_item(tried.rules),
        "dry_run": dry_run,
        "batches": [
            {
                "batch_id": one.batch_id,
                "filename": one.filename,
                "approved_at": one.approved_at,
                "approved_by": one.approved_by,
                "amount_cents": one.payments_cents,
                "needs_two": bool(one.hit),
                "needs_two_now": one.hit_now,
                "because": [rules[position].sentence for position in one.hit],
            }
            for one in tried.batches
        ],
    }


def needed_answer(hit: Sequence[Rule], first: FirstApproval | None) -> dict[str, Any]:
    """How many approvers a batch needs, why, and who has approved it so far."""
    return {
        "approvals_needed": 2 if hit or first else 1,
        "approvals_because": [_rule(rule) for rule in hit],
        "first_approval": (
            {name: getattr(first, name) for name in ("approved_by", "approved_at", "start_at")}
            if first
            else None
        ),
    }
