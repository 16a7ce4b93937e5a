"""The gate: each thing that stands against a send stops it by itself."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.dispatcher.domain.gate import Gate, Refusal

BATCH, OTHER = UUID(int=1), UUID(int=2)
OPEN = Gate(
    kill_switch=False,
    quarantined=False,
    clock_known=True,
    batch_states={BATCH: "paying", OTHER: "paused"},
    walked={BATCH, OTHER},
    stopped_accounts={"stopped"},
)


def test_what_nothing_stands_against_may_be_sent() -> None:
    assert OPEN.refusal(BATCH, "account") is None
    assert OPEN.open_batches() == [BATCH]


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"kill_switch": True}, Refusal.KILL_SWITCH),
        ({"quarantined": True}, Refusal.QUARANTINED),
        ({"clock_known": False}, Refusal.CLOCK_UNKNOWN),
        ({"batch_states": {}}, Refusal.BATCH_NOT_PAYING),
        ({"batch_states": {BATCH: "paused"}}, Refusal.BATCH_NOT_PAYING),
        ({"batch_states": {BATCH: "waiting"}}, Refusal.BATCH_NOT_PAYING),
        ({"batch_states": {BATCH: "cancelled"}}, Refusal.BATCH_NOT_PAYING),
        ({"walked": {OTHER}}, Refusal.NOT_WALKED),
        ({"stopped_accounts": {"account"}}, Refusal.SOURCE_STOPPED),
        ({"refused_sources": {(BATCH, "account")}}, Refusal.SOURCE_REFUSED),
    ],
)
def test_one_thing_is_enough(changed: dict[str, Any], refusal: Refusal) -> None:
    gate = replace(OPEN, **changed)
    assert gate.refusal(BATCH, "account") is refusal
    if refusal not in (Refusal.SOURCE_STOPPED, Refusal.SOURCE_REFUSED):
        assert gate.open_batches() == []


def test_a_refused_source_stops_only_the_batch_with_the_refused_ein() -> None:
    gate = replace(OPEN, refused_sources={(OTHER, "account")})
    assert gate.refusal(BATCH, "account") is None
