"""Fixtures for every test: a PostgreSQL, a Kafka, databases. Each starts when a test first asks.

So unit tests need nothing. PAYDOWN_TEST_POSTGRES_URL (an administrator's) and PAYDOWN_TEST_KAFKA
name servers that run already; they are used instead. Else the servers run in containers, if a
Docker engine has or can pull their images (PAYDOWN_TEST_SERVERS=processes declines, =containers
insists). Else they are processes of this machine.
"""

import os
import uuid
from collections.abc import Callable, Iterator

import pytest

from devtools import test_servers
from ops import provision
from tests.containers import servers


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """An administrator's URL of a PostgreSQL server."""
    given = os.environ.get("PAYDOWN_TEST_POSTGRES_URL")
    if given:
        yield given
    else:
        with servers.postgres() if servers.chosen() else test_servers.temporary_postgres() as url:
            yield url


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """Address of a Kafka broker that all tests share: give topics and groups unique names."""
    given = os.environ.get("PAYDOWN_TEST_KAFKA")
    if given:
        yield given
    else:
        with servers.kafka() if servers.chosen() else test_servers.temporary_kafka() as broker:
            yield broker.bootstrap


@pytest.fixture(scope="module")
def kafka_broker() -> Iterator[test_servers.RunningBroker | servers.ContainerBroker]:
    """A broker for one module, started; `start()` after `kill()` finds the same data."""
    with servers.kafka() if servers.chosen() else test_servers.temporary_kafka() as broker:
        yield broker


@pytest.fixture(scope="session")
def make_database(postgres_url: str) -> Iterator[Callable[[str], tuple[str, str]]]:
    """`make_database(service)` makes an empty database, which is dropped at the end.

    It returns (URL of the service's role, URL of the owner's role).
    """
    made: list[tuple[str, str]] = []

    def make(service: str) -> tuple[str, str]:
        prefix = f"test_{uuid.uuid4().hex[:10]}"
        made.append((service, prefix))
        return provision.create(postgres_url, service, prefix)

    yield make
    for service, prefix in made:
        provision.drop(postgres_url, service, prefix)
