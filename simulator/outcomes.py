"""How payments end: rules with shares, drawn by a hash of the payment's metadata.

Pure: a second run with the same metadata ends the same.
"""

from dataclasses import dataclass
from typing import Any

from simulator.domain import (
    ERRORS,
    NEEDS_CODE,
    PAID,
    STATUSES,
    Outcome,
    canonical,
    fraction,
    path_to,
)

RULES_MAX = 100


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The rules in force. Without rules every payment ends `posted`."""

    seed: int = 0
    rules: tuple[tuple[float, Outcome], ...] = ()

    def choose(self, metadata: object) -> Outcome:
        """The outcome of a payment: of the rule in whose share the hash falls, else `posted`."""
        if not self.rules:
            return PAID
        point = fraction("outcome", self.seed, canonical(metadata))
        for share, outcome in self.rules:
            if point < share:
                return outcome
            point -= share
        return PAID


def parse_outcomes(control: dict[str, Any]) -> Outcomes:
    """The rules of `PUT /_simulator/outcomes`.

    Raises:
        ValueError: a rule is wrong; the message is one sentence.
    """
    seed, raw = control.get("seed", 0), control.get("rules", [])
    if (
        not isinstance(seed, int)
        or not isinstance(raw, list)
        or len(raw) > RULES_MAX
        or set(control) - {"seed", "rules"}
    ):
        raise ValueError("outcomes are {seed: integer, rules: [at most 100]}")
    rules = tuple(_rule(rule) for rule in raw)
    if sum(share for share, _ in rules) > 1 + 1e-9:
        raise ValueError("the shares are more than 1 together")
    return Outcomes(seed, rules)


def _rule(rule: Any) -> tuple[float, Outcome]:  # Any: it comes from outside
    if not isinstance(rule, dict) or set(rule) - {
        "share",
        "status",
        "error_code",
        "after",
        "effects",
    }:
        raise ValueError("a rule is {share, status, error_code, after, effects}")
    share, status, code = rule.get("share"), rule.get("status"), rule.get("error_code")
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0 <= share <= 1:
        raise ValueError("a share is between 0 and 1")
    if status not in STATUSES:
        raise ValueError(f"a status is one of {', '.join(STATUSES)}")
    if code is not None and code not in ERRORS:
        raise ValueError("an error code is 10001 to 10011")
    if code is None and (status in NEEDS_CODE or rule.get("after") in NEEDS_CODE):
        raise ValueError(f"{status} needs an error_code")
    outcome = Outcome(status, code, rule.get("after"), rule.get("effects") is True)
    path_to(outcome)
    return float(share), outcome
