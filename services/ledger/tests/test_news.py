"""What is new since a moment: however much is older, and also what is found a second time."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.database.engine import run
from services.ledger.domain.comparisons import Finding
from services.ledger.store.breaks import upsert_breaks
from services.ledger.tests.conftest import Database
from services.ledger.tests.factories import BATCH
from services.ledger.tests.harness import tamper
from services.ledger.tests.http_client import Client, client_of

pytestmark = pytest.mark.database
OLD = 101
FINDING = Finding("status", "p", "pp", "", "posted", "failed")


@pytest.fixture
def client(database: Database) -> Client:
    return client_of(database)


def news(client: Client) -> dict[str, Any]:
    since = (datetime.now(UTC) - timedelta(days=3)).isoformat().replace("+00:00", "Z")
    answer = client.get(f"/news?since={since}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_return_is_news_after_any_number_of_old_ones(client: Client, database: Database) -> None:
    tamper(
        database,
        "journal",
        f"""
        INSERT INTO journal (
            journal_id, batch_id, payment_id, kind, amount_cents, row_count, entry_count, posted_at
        )
        SELECT
            gen_random_uuid(), CAST(:b AS uuid), gen_random_uuid(), 'reverse', 1, 1, 2,
            CASE WHEN n <= {OLD} THEN now() - interval '9 days' ELSE now() END
        FROM generate_series(1, {OLD} + 1) AS n""",
    )
    (found,) = news(client)["returns"]
    assert (UUID(found["batch_id"]), found["count"]) == (BATCH, 1)


def find_break(database: Database, finding: Finding = FINDING) -> None:
    with database.service.begin() as connection:
        upsert_breaks(connection, BATCH, None, [finding])


def test_a_break_is_news_after_any_number_of_old_ones(client: Client, database: Database) -> None:
    findings = [Finding("status", f"p{n}", "", "", "", "") for n in range(OLD)]
    with database.service.begin() as connection:
        upsert_breaks(connection, BATCH, None, findings)
        run(connection, "UPDATE reconciliation_break SET opened_at = now() - interval '9 days'")
    find_break(database)
    find_break(database)  # it is still there
    (found,) = news(client)["breaks"]
    assert (found["count"], found["again"]) == (1, False)


def test_a_break_that_was_closed_is_news_when_it_is_found_again(
    client: Client, database: Database
) -> None:
    find_break(database)
    with database.service.begin() as connection:
        run(
            connection,
            "UPDATE reconciliation_break SET opened_at = now() - interval '9 days', "
            "closed_at = now()",
        )
    assert news(client)["breaks"] == []
    find_break(database)
    find_break(database)
    (found,) = news(client)["breaks"]
    assert (found["count"], found["again"]) == (1, True)
