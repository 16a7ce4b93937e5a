"""A whole service whose database goes away: it waits with its consumers closed, and goes on by itself."""

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient
from sqlalchemy import create_engine, make_url

from libs.common.database.engine import run
from tests.broker.field import Field

pytestmark = [pytest.mark.broker, pytest.mark.database]


class Door:
    """Opens and closes the field's database, for everybody."""

    def __init__(self, admin_url: str, field: Field) -> None:
        self.database = make_url(field.url).database
        self.admin = create_engine(admin_url, isolation_level="AUTOCOMMIT")

    def open(self) -> None:
        with self.admin.connect() as connection:
            connection.exec_driver_sql(f'ALTER DATABASE "{self.database}" ALLOW_CONNECTIONS true')

    def close(self) -> None:
        with self.admin.connect() as connection:
            connection.exec_driver_sql(f'ALTER DATABASE "{self.database}" ALLOW_CONNECTIONS false')
            run(
                connection,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name",
                name=self.database,
            )


@pytest.fixture
def door(postgres_url: str, field: Field) -> Iterator[Door]:
    made = Door(postgres_url, field)
    with field.engine.begin() as connection:
        run(connection, "INSERT INTO tally VALUES (:c, 0)", c=f"worker.{field.topic}")
    yield made
    made.open()
    made.admin.dispose()


def members(field: Field) -> int:
    group = f"worker.{field.topic}"
    admin = AdminClient({"bootstrap.servers": field.bootstrap})
    return len(admin.describe_consumer_groups([group])[group].result(10).members)


def test_without_its_database_at_the_assignment_it_tries_again_and_no_old_member_is_left(
    field: Field, door: Door
) -> None:
    field.produce(300)
    door.close()
    service = field.start("service")
    field.until(lambda: service.said("loop_begins_again") >= 2)
    door.open()
    field.until_applied(300, f"worker.{field.topic}")
    field.exact(f"worker.{field.topic}")
    assert members(field) == 1
    assert service.process.poll() is None


def test_without_its_database_in_the_middle_it_waits_and_skips_nothing(
    field: Field, door: Door
) -> None:
    service = field.start("service")
    field.produce(300)
    field.until_applied(300, f"worker.{field.topic}")
    door.close()
    field.produce(300)
    field.until(lambda: service.said("retry") + service.said("loop_begins_again") >= 3)
    door.open()
    field.until_applied(600, f"worker.{field.topic}")
    field.exact(f"worker.{field.topic}")
    assert members(field) == 1
    assert service.process.poll() is None
