from collections.abc import Callable, Iterator

import pytest

from libs.common.database.engine import connect
from libs.common.testing.messaging_tables import MESSAGING
from tests.broker.harness import TABLES, Harness


@pytest.fixture(scope="session")
def broker_database(make_database: Callable[[str], tuple[str, str]]) -> str:
    url, owner_url = make_database("broker")
    owner = connect(owner_url, "test-owner", 1)
    with owner.begin() as connection:
        for statement in (*MESSAGING, *TABLES):
            connection.exec_driver_sql(statement)
    owner.dispose()
    return url


@pytest.fixture
def harness(broker_database: str, kafka_bootstrap: str) -> Iterator[Harness]:
    """A topic of the test's own, the emptied database, and workers that end with the test."""
    made = Harness(broker_database, kafka_bootstrap)
    yield made
    made.close()
