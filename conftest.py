"""What every test may ask for: a PostgreSQL, a Kafka, databases of its own. Each is started when the first test asks, so unit tests need nothing.

PAYDOWN_TEST_POSTGRES_URL (an administrator's) and PAYDOWN_TEST_KAFKA name servers that run already; they are used instead. Else a Docker engine that
has or can pull the images runs them (PAYDOWN_TEST_SERVERS=processes declines, =containers insists); else they are processes of this machine.
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
    """Address of a Kafka broker that all tests share: name topics and groups so that they are yours alone."""
    given = os.environ.get("PAYDOWN_TEST_KAFKA")
    if given:
        yield given
    else:
        with servers.kafka() if servers.chosen() else test_servers.temporary_kafka() as broker:
            yield broker.bootstrap


@pytest.fixture(scope="module")
def kafka_broker() -> Iterator[test_servers.RunningBroker | servers.ContainerBroker]:
    """A broker of the module's own, started: `bootstrap`, `kill()`, `start()` again with the same data, `stop()`."""
    with servers.kafka() if servers.chosen() else test_servers.temporary_kafka() as broker:
        yield broker


@pytest.fixture(scope="session")
def make_database(postgres_url: str) -> Iterator[Callable[[str], tuple[str, str]]]:
    """`make_database(service)` -> (URL of the service's role, URL of the owner's) of a new, empty database; dropped at the end."""
    made: list[tuple[str, str]] = []

    def make(service: str) -> tuple[str, str]:
        prefix = f"test_{uuid.uuid4().hex[:10]}"
        made.append((service, prefix))
        return provision.create(postgres_url, service, prefix)

    yield make
    for service, prefix in made:
        provision.drop(postgres_url, service, prefix)
