"""The limits of calls are set by the first loop that needs them, as soon as there is a database."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError

from libs.common.database.engine import is_unavailable, run
from libs.common.runtime.service import Service
from services.dispatcher.app import Loops
from services.dispatcher.provider import rate_limiter
from services.dispatcher.provider.client import Provider
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.tests.factories import CIPHER

pytestmark = pytest.mark.database
PER_MIN = 77


def test_a_database_that_is_away_at_the_start_is_waited_for(engines: tuple[Engine, Engine]) -> None:
    away = create_engine("postgresql+psycopg2://r:p@127.0.0.1:1/none")
    service: Any = SimpleNamespace(engine=away)
    settings: Any = SimpleNamespace(profile="demo", payments_per_min=PER_MIN, requests_per_min=0)
    loops = Loops(
        cast("Service", service),
        cast("DispatcherSettings", settings),
        Provider("http://127.0.0.1:1", "sk_x", "2025-07-04", 1.0),
        CIPHER,
    )
    stop: Any = None
    with pytest.raises(OperationalError) as error:
        loops.reader(stop, lambda: None)
    assert is_unavailable(error.value), "the loop begins again, and the process goes on"
    service.engine = engines[0]
    loops.reader(stop, lambda: None)
    assert payments_per_min(engines[0]) == PER_MIN
    rate_limiter.configure(engines[0], rate_limiter.PROFILES["demo"])
    loops.reader(stop, lambda: None)
    assert payments_per_min(engines[0]) != PER_MIN, "once for each process"


def payments_per_min(engine: Engine) -> float:
    with engine.connect() as connection:
        row = run(connection, "SELECT per_min FROM limiter WHERE tier = 'payments'").one()
    return float(row.per_min)
