"""A service whose database goes away waits with its consumers closed, and goes on by itself."""

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient
from sqlalchemy import create_engine, make_url

from libs.common.database.engine import run
from tests.broker.harness import Harness

pytestmark = [pytest.mark.broker, pytest.mark.database]


class DatabaseAccess:
    """Allows or refuses all connections to the database."""

    def __init__(self, admin_url: str, harness: Harness) -> None:
        self.database = make_url(harness.url).database
        self.admin = create_engine(admin_url, isolation_level="AUTOCOMMIT")

    def allow(self) -> None:
        with self.admin.connect() as connection:
            connection.exec_driver_sql(f'ALTER DATABASE "{self.database}" ALLOW_CONNECTIONS true')

    def refuse(self) -> None:
        with self.admin.connect() as connection:
            connection.exec_driver_sql(f'ALTER DATABASE "{self.database}" ALLOW_CONNECTIONS false')
            run(
                connection,
                """
                SELECT pg_terminate_backend(pid)
                FROM pg_stat_activity
                WHERE datname = :name""",
                name=self.database,
            )


@pytest.fixture
def access(postgres_url: str, harness: Harness) -> Iterator[DatabaseAccess]:
    made = DatabaseAccess(postgres_url, harness)
    with harness.engine.begin() as connection:
        run(connection, "INSERT INTO tally VALUES (:c, 0)", c=f"worker.{harness.topic}")
    yield made
    made.allow()
    made.admin.dispose()


def members(harness: Harness) -> int:
    group = f"worker.{harness.topic}"
    admin = AdminClient({"bootstrap.servers": harness.bootstrap})
    return len(admin.describe_consumer_groups([group])[group].result(10).members)


def test_without_its_database_at_the_assignment_it_tries_again_and_no_old_member_is_left(
    harness: Harness, access: DatabaseAccess
) -> None:
    harness.produce(300)
    access.refuse()
    service = harness.start("service")
    harness.wait_until(lambda: service.count_logged("loop_begins_again") >= 2)
    access.allow()
    harness.wait_until_applied(300, f"worker.{harness.topic}")
    harness.assert_exactly_once(f"worker.{harness.topic}")
    assert members(harness) == 1
    assert service.process.poll() is None


def test_without_its_database_in_the_middle_it_waits_and_skips_nothing(
    harness: Harness, access: DatabaseAccess
) -> None:
    service = harness.start("service")
    harness.produce(300)
    harness.wait_until_applied(300, f"worker.{harness.topic}")
    access.refuse()
    harness.produce(300)
    harness.wait_until(
        lambda: service.count_logged("retry") + service.count_logged("loop_begins_again") >= 3
    )
    access.allow()
    harness.wait_until_applied(600, f"worker.{harness.topic}")
    harness.assert_exactly_once(f"worker.{harness.topic}")
    assert members(harness) == 1
    assert service.process.poll() is None
