"""`make explore`: visit every state of one payment, and let each wrong protocol show its fault."""

import sys

from services.dispatcher.tests.explorer.decisions import NEVER_WALKS, RIGHT, WRONG
from services.dispatcher.tests.explorer.search import Result, explore
from services.dispatcher.tests.explorer.state import Budget

#: (what may happen, how many steps) of the right protocol: the widest space to a depth, and a
#: narrower one to its end.
SPACES = ((Budget(), 9), (Budget(faults=1, crashes=1, jumps=3, people=1), 100))
BUDGET_WRONG, DEPTH_WRONG = Budget(faults=1, crashes=0, jumps=2, people=0), 13


def main() -> int:
    """Print figures and stories; 1 if the right protocol breaks or a wrong one does not."""
    is_wrong = False
    for budget, depth in SPACES:
        result = explore(RIGHT, budget, depth)
        show(f"the protocol as it is, {budget}", result)
        is_wrong |= bool(result.broken)
    for name, decisions in WRONG.items():
        result = explore(decisions, BUDGET_WRONG, DEPTH_WRONG)
        show(name, result)
        is_wrong |= not result.broken
    for more in ({"clock_steps": 1}, {"restores": 1}):
        budget = BUDGET_WRONG._replace(**more)
        result = explore(RIGHT, budget, DEPTH_WRONG + 1)
        show(f"the protocol as it is, {budget}", result)
        is_wrong |= bool(result.broken)
    result = explore(NEVER_WALKS, BUDGET_WRONG._replace(restores=1), DEPTH_WRONG + 1)
    show("no walk after a restore", result)
    is_wrong |= not result.broken
    return int(is_wrong)


def show(name: str, result: Result) -> None:
    """Print what a search found."""
    far = "all states" if result.is_complete else f"depth {result.depth}"
    print(f"{name}: {result.states:,} states, {far}, {result.seconds:.1f} s")
    for number, sentence in enumerate(result.story, 1):
        print(f"  {number:2}. {sentence}")
    if result.broken:
        print(f"      {result.broken}")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
