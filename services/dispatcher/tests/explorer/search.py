"""Breadth-first search through all states, so that the first counter-example is a shortest one."""

import random
import time
from dataclasses import dataclass, field

from services.dispatcher.tests.explorer.decisions import Decisions
from services.dispatcher.tests.explorer.model import JUMPS_S, Model
from services.dispatcher.tests.explorer.state import Budget, State
from services.dispatcher.tests.explorer.surroundings import pass_time

ENDED = ("pending", "held", "failed", "cancelled")
#: What ends a random life early, or all doubts at once, by the end of its sentence.
RARE, USUAL = ("dies.", "cancels the batch.", "25 hours pass."), 0.9
CALM_STEPS_MAX, WALK_STEPS_MAX = 200, 60


@dataclass
class Result:
    """What a search found. `story` is a shortest way to `broken`; both are empty if all held."""

    states: int = 0
    depth: int = 0
    seconds: float = 0.0
    broken: str = ""
    story: list[str] = field(default_factory=list)
    is_complete: bool = False  # no state was left unvisited because of the depth


def explore(decisions: Decisions, budget: Budget, depth: int) -> Result:
    """Visit every state within so many steps, and stop at the first that breaks an invariant."""
    began, model = time.monotonic(), Model(decisions)
    first = State(left=budget, walks_expire=decisions.walks_expire)
    came: dict[State, tuple[State, str] | None] = {first: None}
    ending: set[State] = set()
    layer, result = [first], Result()
    while layer and result.depth < depth and not result.broken:
        result.depth += 1
        following = []
        for state in layer:
            for sentence, after in model.steps(state):
                if after in came:
                    continue
                came[after] = (state, sentence)
                result.broken = broken_invariant(after) or is_stuck(model, after, ending)
                if result.broken:
                    result.story = way_to(after, came)
                    break
                following.append(after)
            if result.broken:
                break
        layer = following
    result.states, result.is_complete = len(came), not layer and not result.broken
    result.seconds = time.monotonic() - began
    return result


def walk(decisions: Decisions, budget: Budget, chance: random.Random) -> Result:
    """Follow one random life of a payment, with more faults than every life could be followed."""
    model, state, result = (
        Model(decisions),
        State(left=budget, walks_expire=decisions.walks_expire),
        Result(),
    )
    for _ in range(WALK_STEPS_MAX):
        steps = list(model.steps(state))
        if not steps:
            break
        usual = [step for step in steps if not step[0].endswith(RARE)]
        sentence, state = chance.choice(usual if usual and chance.random() < USUAL else steps)
        result.story.append(sentence)
        result.broken = broken_invariant(state)
        if result.broken:
            return result
    result.broken = is_stuck(model, state, set())
    return result


def broken_invariant(state: State) -> str:
    """Say which invariant a state breaks; "" if all hold."""
    ours, alive = state.ours, len(state.lines)
    if alive > 1:
        return "Two live payments at the provider."
    if ours.status in ("failed", "cancelled") and alive:
        return f"The payment is called {ours.status}, and the provider pays it."
    if ours.status == "pending" and ours.bound not in [f"pmt_{i}" for i in range(alive)]:
        return "The payment is shown as accepted, and the provider does not have it."
    return ""


def is_stuck(model: Model, state: State, ending: set[State]) -> str:
    """Say that a payment does not end although nothing goes wrong any more; "" if it does.

    Held counts as an end: it is shown to people and has an alarm. `ending` are states that are
    known to end; those on this way are added to it.
    """
    state = state._replace(left=Budget(0, 0, 0, 0, 0, 0), copy=None)
    way: list[State] = []
    for _ in range(CALM_STEPS_MAX):
        has_ended = state.ours.status in ENDED and state.workers == (None, None)
        if has_ended or state in ending:
            ending.update(way)
            return ""
        way.append(state)
        steps = [after for _, after in model.steps(state)]
        state = steps[-1] if steps else pass_time(state, JUMPS_S[1])
    return f"The payment stays {state.ours.status} for ever."


def way_to(state: State, came: dict[State, tuple[State, str] | None]) -> list[str]:
    """The sentences of the steps that led to a state."""
    sentences = []
    while (step := came[state]) is not None:
        state, sentence = step
        sentences.append(sentence)
    return sentences[::-1]
