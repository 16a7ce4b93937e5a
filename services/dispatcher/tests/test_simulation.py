"""The money protocol in seeded simulations: production code and waits on a real database.

Time and provider are simulated; the provider is reached through the real client. Requests and
answers are lost or come late, lists lag, answers are stored and replayed, keys are forgotten after
a day, the provider is away for up to 27 hours, and workers die between every two steps or go on
with an old answer. `simulation/faults.py` lists the other mixes of faults.
PAYDOWN_SIMULATION_SEEDS says how many simulations run.
"""

import os
from collections import Counter

import pytest
from sqlalchemy import Engine

from services.dispatcher.domain import provider_walk
from services.dispatcher.domain.protocol import Timing
from services.dispatcher.tests.simulation import creations
from services.dispatcher.tests.simulation.faults import MIXES, Faults
from services.dispatcher.tests.simulation.provider import Violation
from services.dispatcher.tests.simulation.run import ENDED, PaidTwice, Simulation

pytestmark = pytest.mark.database
#: The first seed of those in which somebody is paid twice under a key that is used for ever.
KEYS_ALONE = 9
SEEDS = int(os.environ.get("PAYDOWN_SIMULATION_SEEDS", "1"))


def simulate(engines: tuple[Engine, Engine], seed: int, faults: Faults) -> None:
    """Run one simulation and judge its end."""
    simulation = Simulation(engines, seed, faults, Timing())
    simulation.run()
    judge(simulation)


def judge(simulation: Simulation) -> None:
    """Each payment has ended, as the provider's books show it, and everything was published."""
    books, dispatcher = simulation.provider.books, simulation.dispatcher
    payments = dispatcher.rows("SELECT * FROM payment")
    alive = Counter(line["metadata"]["payment_id"] for line in dispatcher.alive())
    for payment in payments:
        payment_id = str(payment.payment_id)
        assert payment.status in ENDED, (payment.status, payment.step, payment.reason_code)
        if payment.status in ("pending", "completed"):
            line = books[payment.provider_id]
            assert (line["amount"], line["metadata"]["payment_id"]) == (
                payment.amount_cents,
                payment_id,
            )
        elif payment.status == "held":
            is_exhausted = payment.attempts == dispatcher.timing.rekeys_max + 1
            assert is_exhausted or payment.reason_code == "provider_not_found"
            assert not alive[payment_id]
    assert not creations.find_unmade(dispatcher), "refused once, and never made"
    flagged = dispatcher.rows("SELECT payment_id FROM flag WHERE kind = 'duplicate'")
    assert {str(row.payment_id) for row in flagged} >= {
        payment_id for payment_id, n in alive.items() if n > 1
    }, "the provider pays twice, and nobody is told"
    (keys,) = dispatcher.rows(
        """
        SELECT count(*) AS n, count(DISTINCT idempotency_key) AS keys
        FROM attempt
        WHERE kind = 'payment'"""
    )
    assert keys.n == keys.keys
    changes = dispatcher.published("payment-changed.v1")
    versions = Counter(event["payment_id"] for event in changes)
    assert {str(p.payment_id): p.version for p in payments} == versions


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_under_all_faults_each_payment_is_paid_once_and_none_is_forgotten(
    engines: tuple[Engine, Engine], seed: int, mix: str
) -> None:
    simulate(engines, seed, MIXES[mix])


@pytest.mark.parametrize("seed", range(KEYS_ALONE, KEYS_ALONE + SEEDS))
def test_keys_alone_pay_nobody_twice_where_no_walk_is_made_again(
    engines: tuple[Engine, Engine], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A walk every half a day would find what a forgotten key cannot prevent."""
    monkeypatch.setattr(provider_walk, "WALK_COUNTS_S", 1e9)
    simulate(engines, seed, MIXES["network"])


@pytest.mark.parametrize(
    ("broken", "first"), [({"grace_s": 60.0}, 0), ({"resend_until_s": 1e9}, 9)]
)
def test_the_simulation_sees_what_a_clause_is_for(
    engines: tuple[Engine, Engine],
    broken: dict[str, float],
    first: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the grace, or with keys trusted for ever, somebody is paid twice.

    A walk every half a day would find what a forgotten key cannot prevent, so here it counts for
    ever.
    """
    monkeypatch.setattr(provider_walk, "WALK_COUNTS_S", 1e9)

    def many() -> None:
        for seed in range(first, first + 60):
            Simulation(engines, seed, Faults(), Timing(**broken)).run()  # type: ignore[arg-type] # fields by name

    with pytest.raises((PaidTwice, Violation)):
        many()
