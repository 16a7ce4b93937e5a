"""All interleavings of one payment, to a short depth; `make explore` goes further."""

import os
import random

import pytest

from services.dispatcher.tests.explorer.__main__ import BUDGET_WRONG, DEPTH_WRONG
from services.dispatcher.tests.explorer.decisions import NEVER_WALKS, RIGHT, WRONG
from services.dispatcher.tests.explorer.search import explore, walk
from services.dispatcher.tests.explorer.state import Budget

WALKS = int(os.environ.get("PAYDOWN_SIMULATION_WALKS", "10000"))
MANY_FAULTS = Budget(faults=12, crashes=6, jumps=20, people=1)
TWICE = "Two live payments at the provider."
FAILED = "The payment is called failed, and the provider pays it."


def test_every_state_of_a_short_life_holds_the_invariants() -> None:
    result = explore(RIGHT, Budget(), 6)
    assert (result.broken, result.story) == ("", [])
    assert result.states > 8_000, "the model lost steps"


def test_every_state_with_one_fault_and_one_cancel_holds_to_the_end() -> None:
    result = explore(RIGHT, Budget(faults=1, crashes=0, jumps=2, people=1), 100)
    assert (result.broken, result.is_complete) == ("", True)


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_protocol_has_a_shortest_counter_example(name: str) -> None:
    result = explore(WRONG[name], BUDGET_WRONG, DEPTH_WRONG)
    assert result.broken == (FAILED if name == "500 means failed" else TWICE)
    assert len(result.story) == result.depth


@pytest.mark.parametrize("first_seed", range(0, WALKS, 500))
def test_random_lives_with_many_faults_hold(first_seed: int) -> None:
    """Longer than every life can be followed; PAYDOWN_SIMULATION_WALKS says how many."""
    for seed in range(first_seed, first_seed + 500):
        result = walk(RIGHT, MANY_FAULTS, random.Random(seed))
        assert not result.broken, "\n".join([f"seed {seed}", *result.story, result.broken])


def test_random_lives_see_a_wrong_protocol() -> None:
    wrong = WRONG["the same key for ever"]
    assert any(walk(wrong, MANY_FAULTS, random.Random(seed)).broken for seed in range(200))


@pytest.mark.parametrize("more", [{"clock_steps": 1}, {"restores": 1}])
def test_a_step_of_the_clock_and_a_snapshot_pay_nobody_twice(more: dict[str, int]) -> None:
    result = explore(RIGHT, BUDGET_WRONG._replace(**more), DEPTH_WRONG + 1)
    assert (result.broken, result.story) == ("", [])


def test_without_the_walk_a_snapshot_pays_twice() -> None:
    result = explore(NEVER_WALKS, BUDGET_WRONG._replace(restores=1), DEPTH_WRONG + 1)
    assert result.broken == TWICE
