"""A guard of the ledger that its owner drops or switches off is seen."""

import pytest

from libs.common.database.engine import run
from libs.common.database.server_checks import check_server
from services.ledger.store.guards import GUARDS, check_guards, find_missing_guards
from services.ledger.tests.conftest import Database

pytestmark = pytest.mark.database


def test_every_trigger_that_the_migrations_make_is_listed(database: Database) -> None:
    with database.service.connect() as connection:
        made = run(
            connection,
            """
            SELECT CAST(CAST(tgrelid AS regclass) AS text), tgname
            FROM pg_trigger
            WHERE NOT tgisinternal""",
        )
        assert {tuple(row) for row in made} == GUARDS
        assert find_missing_guards(connection) == []


@pytest.mark.parametrize("how", ["DISABLE TRIGGER refuse_change", "ENABLE TRIGGER refuse_change"])
def test_a_guard_that_is_switched_off_is_named(database: Database, how: str) -> None:
    # ENABLE without ALWAYS: the session of a replica passes it by.
    assert check_guards(database.service) == {"guards of the ledger": ""}
    assert check_server(database.service)["triggers of the database"] == ""
    with database.owner.begin() as connection:
        run(connection, f"ALTER TABLE journal {how}")
    try:
        assert "journal.refuse_change" in check_guards(database.service)["guards of the ledger"]
        disabled = check_server(database.service)["triggers of the database"]
        assert ("journal.refuse_change" in disabled) == how.startswith("DISABLE")
    finally:
        with database.owner.begin() as connection:
            run(connection, "ALTER TABLE journal ENABLE ALWAYS TRIGGER refuse_change")
