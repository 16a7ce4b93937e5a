from collections.abc import Callable, Iterator

import pytest

from libs.common.database.engine import connect
from libs.common.testing.messaging_tables import MESSAGING
from tests.broker.field import TABLES, Field


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
def field(broker_database: str, kafka_bootstrap: str) -> Iterator[Field]:
    """A topic of the test's own, the database emptied, and workers that are ended with it."""
    made = Field(broker_database, kafka_bootstrap)
    yield made
    made.end()
