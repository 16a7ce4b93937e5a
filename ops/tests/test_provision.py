"""A service reaches its own database and no other."""

from collections.abc import Callable

import psycopg2
import pytest

from ops import provision
from ops.errors import CommandError

pytestmark = pytest.mark.database


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    link = psycopg2.connect(url.replace("+psycopg2", ""), connect_timeout=10)
    try:
        with link, link.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        link.close()


def test_the_service_writes_rows_of_what_the_owner_makes_and_changes_no_schema(
    make_database: Callable[[str], tuple[str, str]],
) -> None:
    service, owner = make_database("ledger")
    execute(owner, "CREATE TABLE entry (id bigserial PRIMARY KEY, cents bigint)")
    execute(service, "INSERT INTO entry (cents) VALUES (938)")
    execute(service, "UPDATE entry SET cents = 939")
    assert execute(service, "SELECT id, cents FROM entry") == [(1, 939)]
    for forbidden in (
        "CREATE TABLE other (i int)",
        "DROP TABLE entry",
        "ALTER TABLE entry ADD i int",
        "TRUNCATE entry",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            execute(service, forbidden)


def test_the_owner_can_take_rights_from_the_service(
    make_database: Callable[[str], tuple[str, str]],
) -> None:
    service, owner = make_database("ledger")
    execute(owner, "CREATE TABLE entry (id int)")
    execute(owner, f"REVOKE UPDATE, DELETE ON entry FROM {service.rpartition('/')[2]}")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        execute(service, "DELETE FROM entry")


def test_neither_role_of_one_service_connects_to_the_database_of_another(
    make_database: Callable[[str], tuple[str, str]],
) -> None:
    mine, other = make_database("ledger"), make_database("ingest")
    foreign = other[0].rpartition("/")[2]
    for url in mine:
        with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
            execute(f"{url.rpartition('/')[0]}/{foreign}", "SELECT 1")


def test_making_it_again_keeps_the_rows_and_the_passwords_of_the_same_secret(
    postgres_url: str, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: provision.drop(postgres_url, "ledger", "test_again"))
    first = provision.create(postgres_url, "ledger", "test_again", "s3cret")
    execute(first[1], "CREATE TABLE entry AS SELECT 7 AS cents")
    assert (
        provision.create(postgres_url, "ledger", "test_again", "s3cret")
        == first
        == provision.urls(postgres_url, "ledger", "test_again", "s3cret")
    )
    assert execute(first[0], "SELECT cents FROM entry") == [(7,)]


def test_dropping_removes_the_roles_too_and_may_be_repeated(postgres_url: str) -> None:
    provision.create(postgres_url, "ledger", "test_gone")
    for _ in range(2):
        provision.drop(postgres_url, "ledger", "test_gone")
    assert execute(
        postgres_url, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'test!_gone%' ESCAPE '!'"
    ) == [(0,)]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://who:hidden@127.0.0.1:1/x",
        "mysql://who:hidden@127.0.0.1/x",
        "postgresql://[",
        "nonsense",
    ],
)
def test_a_wrong_address_is_one_sentence_without_the_password(url: str) -> None:
    with pytest.raises(CommandError) as caught:
        provision.check(url)
    assert "\n" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_a_role_that_may_not_create_databases_is_refused(
    make_database: Callable[[str], tuple[str, str]],
) -> None:
    with pytest.raises(CommandError, match="may not create databases and roles"):
        provision.check(make_database("ledger")[0])
