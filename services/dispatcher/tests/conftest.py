"""A migrated dispatcher database for the tests that move a dispatcher by hand."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from services.dispatcher.tests.harness import ManualDispatcher, migrated_database


@pytest.fixture(scope="session")
def engines(make_database: Callable[[str], tuple[str, str]]) -> Iterator[tuple[Engine, Engine]]:
    """(the service's engine, the owner's)."""
    made = migrated_database(make_database)
    yield made
    for engine in made:
        engine.dispose()


@pytest.fixture
def dispatcher(engines: tuple[Engine, Engine]) -> ManualDispatcher:
    """A batch of one payment, about to be sent."""
    return ManualDispatcher(*engines)
