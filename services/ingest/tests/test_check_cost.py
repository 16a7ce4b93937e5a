"""What reading and checking a row costs in rows of tables, however many there were before.

Counters of PostgreSQL do not depend on the machine. Statistics are missing, or from before the pay
period, as they are when autovacuum has not come by: 50,000 new rows among a million are too few for
it. The rows of the first batch of a period are then unknown to the second one's plans.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from libs.common.database.engine import connect, run
from libs.common.database.migrate import upgrade
from libs.common.testing import table_counters
from services.ingest.app import MIGRATIONS
from services.ingest.store.claimed_days import on_all_given_days, on_given_days
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness
from services.ingest.tests.people_and_loans import someone

pytestmark = pytest.mark.database
TODAY = datetime.now(UTC).date()
PEOPLE, LOANS = 40, 3
ROWS = PEOPLE * LOANS
#: Rows of each table that may be fetched for each row of a roster, to read it and to check it.
#: Of the others next to none. Plans of the same statements differ a little from run to run.
MOST = {
    "approval": 2,
    "batch": 5,
    "batch_row": 38,
    "batch_source": 11,
    "claim": 1,
    "claimed_days": 1,
    "payment": 3,
    "person": 1,
    "person_term": 1,
    "row_seal": 3,
}
#: The year's payments are summed; encrypted fields are read as a whole while they are so few.
GROWING = ("payment", "row_seal")


@pytest.fixture(params=["no statistics", "statistics from before"])
def past(
    request: pytest.FixtureRequest,
    make_database: Callable[[str], tuple[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator["Past"]:
    service_url, owner_url = make_database("ingest")
    upgrade(owner_url, MIGRATIONS)
    owner = connect(owner_url, "test")
    table_counters.stop_autovacuum(owner)
    ingest = IngestHarness.make(service_url, tmp_path_factory.mktemp("files"))
    event.listen(ingest.engine, "connect", read_by_indexes)
    yield Past(ingest, owner, request.param == "statistics from before")
    ingest.engine.dispose()
    owner.dispose()


def read_by_indexes(connection: Any, _: object) -> None:
    """Let PostgreSQL treat these small tables as large ones, which it does not read as a whole."""
    with connection, connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")


class Past:
    """An ingest in which the same people are paid in one period after the other."""

    def __init__(self, ingest: IngestHarness, owner: Engine, has_statistics: bool) -> None:
        self.ingest, self.owner, self.has_statistics = ingest, owner, has_statistics
        people = [someone() for _ in range(PEOPLE)]
        self.rows = [
            {**one, "Payee/LoanAccountNumber": f"{one['Payee/LoanAccountNumber']}{loan}"}
            for one in people
            for loan in range(LOANS)
        ]
        self.periods = self.files = 0
        self.pay_periods(2)

    def pay_periods(self, count: int) -> None:
        """Approve a batch in each of so many periods more; statistics end before the last one."""
        for number in range(count):
            if number == count - 1 and self.has_statistics:
                with self.owner.begin() as connection:
                    run(connection, "ANALYZE")
            self.periods += 1
            assert self.ingest.approve(self.ready(self.period)).status_code == 200

    def ready(self, period: str) -> Any:
        """A ready batch of the same rows; their files have different lengths."""
        self.files += 1
        xml = roster(*(row(one) for one in self.rows)) + b" " * self.files
        return self.ingest.ready(xml, period=period)

    @property
    def period(self) -> str:
        """The first day of the newest period."""
        return self.start(self.periods)

    def start(self, number: int) -> str:
        """The first day of a period."""
        return (TODAY + timedelta(days=14 * number)).isoformat()

    def check(self, period: str) -> tuple[Any, Counter[str]]:
        """Read and check the same rows in a period: the batch, and rows fetched by table."""
        before = table_counters.read(self.ingest.engine, self.owner)
        batch = self.ready(period)
        used = table_counters.read(self.ingest.engine, self.owner) - before
        assert self.ingest.discard(batch).status_code == 200
        return batch, Counter({table: n for (table, what), n in used.items() if what == "fetched"})


def test_a_second_batch_of_a_period_fetches_few_rows_for_each_of_its_rows(past: Past) -> None:
    batch, fetched = past.check(past.period)
    assert batch["rows"]["excluded"] == ROWS
    assert not dearer(fetched), json.dumps(fetched)


def test_a_longer_past_does_not_make_a_row_dearer(past: Past) -> None:
    past.pay_periods(4)
    batch, fetched = past.check(past.start(past.periods + 1))
    assert batch["rows"]["payable"] == ROWS
    assert not dearer(fetched) - set(GROWING), json.dumps(fetched)


def dearer(fetched: Counter[str]) -> set[str]:
    """The tables of which more rows were fetched than may be."""
    return {table for table, n in fetched.items() if n / ROWS > MOST.get(table, 0) + 0.3}


def test_lines_are_found_by_bounds_of_their_days_exactly_when_days_are_shared(
    ingest: IngestHarness,
) -> None:
    """Lines of batches of all lengths beside given days of all lengths, each on many days."""
    statement = f"""
        WITH batch AS (
            SELECT first AS period,
                CASE WHEN length = 14 THEN NULL ELSE first + length - 1 END AS period_end,
                daterange(first, first + length) AS days
            FROM generate_series(-45, 45) AS n
            CROSS JOIN LATERAL (SELECT CAST(:first AS date) + n AS first) f
            CROSS JOIN unnest(CAST(:lengths AS int[])) AS length
        )
        SELECT count(*) AS lines, count(*) FILTER (WHERE d.days && g.days) AS shared,
            count(*) FILTER (
                WHERE ({on_given_days("d")}) IS DISTINCT FROM (d.days && g.days)
                    OR ({on_all_given_days("d")}) IS DISTINCT FROM (d.days @> g.days)) AS wrong
        FROM batch d
        CROSS JOIN (
            SELECT daterange(CAST(:first AS date), CAST(:last AS date), '[]') AS days) g"""
    first = date(2028, 2, 20)
    for longest in ([1], [7, 14], [1, 7, 14, 15, 16, 28, 31]):
        for length in (1, 7, 14, 31):
            with ingest.engine.connect() as connection:
                found = run(
                    connection,
                    statement,
                    first=first,
                    last=first + timedelta(days=length - 1),
                    lengths=longest,
                ).one()
            assert (found.lines, found.wrong) == (91 * len(longest), 0)
            assert 0 < found.shared < found.lines
