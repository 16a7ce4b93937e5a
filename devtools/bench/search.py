"""Clients search at once among many payments, each without a pause.

A database of ingest and one of reports are filled by SQL, with the triggers of the schema at work.
Then clients search by name, by the beginning of an id, by the provider's id, by four digits of a
loan, by branch and by period. A search is what the gateway asks of both services, by the functions
of their stores.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Engine

from devtools.bench import search_data
from devtools.bench.workplace import Workplace
from libs.common.database.engine import connect, run
from services.ingest.domain.batch import Batch
from services.ingest.roster.canonical_ids import canonical_person
from services.ingest.store import batch_search, batches, person_search, year_sums
from services.reports.store import payment_search

HITS_MAX = 8
LAST_PERIOD = date(2026, 12, 21)


@dataclass(frozen=True)
class Databases:
    """Both stores, filled."""

    ingest: Engine
    reports: Engine


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many per cent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def search_at_once(
    found: Databases, clients: int, searches: int, payments: int
) -> dict[str, list[float]]:
    """Milliseconds of each search, by its kind; `searches` for each client."""
    taken: dict[str, list[float]] = {kind: [] for kind in search_data.QUERIES}

    def work(number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - which search comes next
        _search(found, "warm up")  # opens the connections
        for _ in range(searches):
            kind = chance.choice(list(search_data.QUERIES))
            text = search_data.QUERIES[kind](chance.randrange(payments))
            start = time.perf_counter()
            hits = _search(found, text)
            taken[kind].append((time.perf_counter() - start) * 1_000)
            if not hits:
                raise AssertionError(f"{kind} {text!r} found nothing")

    _run_threads(work, clients)
    return taken


def _search(found: Databases, text: str) -> int:
    """What the gateway asks of both services; the number of hits."""
    with found.ingest.connect() as connection:
        keys = person_search.find_people(connection, text, canonical_person(text), HITS_MAX)
        people = person_search.list_newest_rows(connection, keys)
        files = batch_search.find_batches(connection, text, HITS_MAX)
        accounts = [
            batch_search.find_accounts(connection, kind, text, HITS_MAX)
            for kind in ("branch", "source")
        ]
    with found.reports.connect() as connection:
        payments = payment_search.find_payments(connection, text, HITS_MAX)
    return len(people) + len(files) + sum(map(len, accounts)) + len(payments)


def _run_threads(work: Callable[[int], None], clients: int) -> None:
    failed: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def year_seconds(engine: Engine) -> float:
    """How long the newest roster is compared with the year's limit."""
    with engine.connect() as connection:
        newest = run(
            connection, "SELECT batch_id FROM batch ORDER BY uploaded_at DESC LIMIT 1"
        ).scalar_one()
        batch: Batch = batches.get_batch(connection, newest)
        start = time.perf_counter()
        year_sums.list_year_rows(connection, batch, LAST_PERIOD.year, 5_250_00)
        return time.perf_counter() - start


@contextmanager
def filled(workplace: Workplace, payments: int, clients: int) -> Iterator[Databases]:
    """Both databases with so many payments, and a connection for each client; removed again."""
    with ExitStack() as stack:
        made = {}
        for service, fill in (
            ("ingest", search_data.fill_ingest),
            ("reports", search_data.fill_reports),
        ):
            service_url, owner_url = stack.enter_context(workplace.database(service))
            owner = connect(owner_url, "bench")
            with owner.begin() as connection:
                fill(connection, payments)
            owner.dispose()
            made[service] = connect(service_url, "bench", pool_size=clients)
            stack.callback(made[service].dispose)
        yield Databases(made["ingest"], made["reports"])
