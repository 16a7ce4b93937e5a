"""Injected faults: which request is lost, delayed or answered wrongly.

Pure: the same seed draws the same faults.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.domain import fraction

KINDS = {"lose_request", "lose_answer", "status", "delay", "hang"}
FIELDS = {
    "method",
    "path",
    "share",
    "fault",
    "status",
    "execute",
    "stored",
    "seconds",
    "type",
    "sub_type",
}
RULES_MAX = 100


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault for a share of the requests of one method and exact path.

    The fault `status` answers with `status`, `type` and `sub_type`. These can be a refusal of the
    provider that nothing else here produces. `execute`: the request is executed all the same.
    `stored`: the fault's answer is the one that is replayed for the key.
    """

    method: str
    path: str
    share: float
    fault: str
    status: int = 500
    execute: bool = False
    stored: bool = False
    seconds: float = 0.0
    type: str = "API_ERROR"
    sub_type: str | None = None


class Faults:
    """The rules in force and how many requests each has seen."""

    def __init__(self, seed: int = 0, rules: tuple[Rule, ...] = ()) -> None:
        self.seed, self.rules = seed, rules
        self._seen = [0] * len(rules)

    def draw(
        self, method: str, path: str, key: str | None, is_new: Callable[[], bool]
    ) -> Rule | None:
        """The first rule that hits this request.

        A `status` rule is drawn once per idempotency key, when `is_new()` is true for the key. The
        others, and `status` without a key, are drawn for each request by its number for this rule.
        """
        for index, rule in enumerate(self.rules):
            if rule.method != method or rule.path != path:
                continue
            self._seen[index] += 1
            if rule.fault == "status" and key is not None:
                if fraction("fault", self.seed, index, key) < rule.share and is_new():
                    return rule
            elif fraction("fault", self.seed, index, self._seen[index]) < rule.share:
                return rule
        return None


def parse_faults(control: dict[str, Any]) -> Faults:
    """The rules of `PUT /_simulator/faults`.

    Raises:
        ValueError: a rule is wrong; the message is one sentence.
    """
    seed, rules = control.get("seed", 0), control.get("rules", [])
    if (
        not isinstance(seed, int)
        or not isinstance(rules, list)
        or len(rules) > RULES_MAX
        or set(control) - {"seed", "rules"}
    ):
        raise ValueError("faults are {seed: integer, rules: [at most 100]}")
    return Faults(seed, tuple(_rule(rule) for rule in rules))


def _rule(given: Any) -> Rule:  # Any: it comes from outside
    if not isinstance(given, dict) or set(given) - FIELDS:
        raise ValueError(f"a rule has the fields {', '.join(sorted(FIELDS))}")
    missing = {"method", "path", "share", "fault"} - set(given)
    if missing:
        raise ValueError(f"a rule needs {', '.join(sorted(missing))}")
    rule = Rule(**given)
    if rule.fault not in KINDS:
        raise ValueError(f"a fault is one of {', '.join(sorted(KINDS))}")
    if not _number(rule.share) or not 0 <= rule.share <= 1:
        raise ValueError("a share is between 0 and 1")
    if not _number(rule.seconds) or not 0 <= rule.seconds <= 3600:
        raise ValueError("seconds are between 0 and 3600")
    if rule.fault == "status" and (
        not isinstance(rule.status, int) or not 400 <= rule.status <= 599
    ):
        raise ValueError("a status fault has a status between 400 and 599")
    return rule


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
