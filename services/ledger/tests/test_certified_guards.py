"""The database refuses journals of a certified batch, but for late returns, and old dates."""

import pytest
from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ledger.tests.journal_sql import (
    BATCH,
    HOLD,
    HOLD2,
    P2,
    RESERVED,
    REVERSE,
    SETTLE,
    journal,
    refused,
)

pytestmark = pytest.mark.database
OTHER = journal(HOLD2, P2, "hold", RESERVED)
CERTIFY = f"""
    INSERT INTO certificate
    VALUES ('{BATCH}', 1, gen_random_uuid(), 'completed', 'sha256:0', '{{}}', now())"""


def test_a_certified_batch_takes_nothing_but_a_late_return(connection: Connection) -> None:
    for statement in (HOLD, SETTLE, CERTIFY):
        run(connection, statement)
    connection.commit()
    with refused(connection, "is of a certified batch"):
        run(connection, OTHER)
    run(connection, REVERSE)
    connection.commit()


def test_a_restored_database_gets_its_journals_back_after_its_certificates(
    connection: Connection,
) -> None:
    for statement in (HOLD, CERTIFY):
        run(connection, statement)
    connection.commit()
    run(connection, "INSERT INTO restored (why, first_outbox_id) VALUES ('a backup', 0)")
    run(connection, SETTLE)
    run(connection, "DELETE FROM restored")
    connection.commit()


@pytest.mark.parametrize("statement", [SETTLE])
def test_no_journal_is_dated_before_its_hold(connection: Connection, statement: str) -> None:
    run(connection, HOLD)
    connection.commit()
    with refused(connection, "is dated before its hold"):
        run(connection, statement.replace("2026-11-20", "2019-11-20"))
    run(connection, statement.replace("2026-11-20T", "2026-11-19T"))  # clocks differ
    connection.commit()
