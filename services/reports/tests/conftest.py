"""Databases for the tests of reports."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from libs.common.database import migrate
from libs.common.database.engine import connect, run
from libs.common.web import problem_details
from services.reports.routes.context import Context
from services.reports.routes.router import router
from services.reports.tests import factories
from services.reports.tests.http_client import BATCH, Client, store_all

MIGRATIONS = Path("services/reports/migrations")
READ_MODEL = (
    *("batch", "row_messages", "file_row", "payment", "payment_row", "payment_change"),
    *("provider_event", "journal", "certificate", "judgement", "preflight", "dispatch"),
)
MESSAGING = ("inbox", "consumer_offset", "dead_letter")
KEPT = ("finance_report", "given_name", "put_away", "payment_evidence")


def delete_all(engine: Engine, tables: Sequence[str]) -> None:
    with engine.begin() as connection:
        for table in tables:
            run(connection, f"DELETE FROM {table}")


@pytest.fixture(scope="session")
def migrated(make_database: Callable[[str], tuple[str, str]]) -> Iterator[Engine]:
    service_url, owner_url = make_database("reports")
    migrate.upgrade(owner_url, MIGRATIONS)
    engine = connect(service_url, "reports-tests")
    yield engine
    engine.dispose()


@pytest.fixture
def engine(migrated: Engine) -> Engine:
    delete_all(migrated, (*READ_MODEL, *MESSAGING, *KEPT))
    return migrated


@pytest.fixture
def client(engine: Engine) -> Client:
    app = FastAPI()
    problem_details.install_error_handlers(app)
    app.include_router(
        router(Context(engine, "token", factories.CIPHER, 0.3, lambda _connection, _batch_id: None))
    )
    return Client(app)


@pytest.fixture
def whole(engine: Engine) -> None:
    store_all(engine, BATCH.events)
