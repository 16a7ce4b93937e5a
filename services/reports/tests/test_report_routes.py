"""The reports of a batch over HTTP: when they are given, and as what."""

import time
from threading import BoundedSemaphore

import pytest
from sqlalchemy import Engine
from sqlalchemy.pool import QueuePool

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.ledger import CertificateIssued, Outcome
from libs.common.crypto import message_signatures
from libs.common.database.engine import run
from services.reports.routes import files
from services.reports.routes.context import EXPORTS_MAX, Context
from services.reports.tests import factories
from services.reports.tests.http_client import BATCH, PATH, Client, store_all

pytestmark = pytest.mark.database


def test_a_batch_whose_rows_have_not_all_come_has_no_report_yet(
    client: Client, engine: Engine
) -> None:
    store_all(engine, [BATCH.events[0], *BATCH.rows[1:]])
    answer = client.get(f"{PATH}/reports/payments.csv")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (
        503,
        "2",
        "reports.incomplete",
    )
    store_all(engine, BATCH.rows[:1])
    assert client.get(f"{PATH}/reports/payments.csv").status_code == 200


def test_a_final_batch_waits_for_a_certificate_that_is_equal(
    client: Client, engine: Engine
) -> None:
    certificate = next(event for event in BATCH.events if isinstance(event, CertificateIssued))
    store_all(engine, [event for event in BATCH.events if event is not certificate])
    began = time.monotonic()
    assert client.get(f"{PATH}/reports/sources.csv").json()["code"] == "reports.uncertified"
    assert time.monotonic() - began > 0.3
    store_all(
        engine,
        [certificate.model_copy(update={"paid": certificate.failed, "failed": certificate.paid})],
    )
    assert client.get(f"{PATH}/reports/sources.csv").json()["code"] == "reports.unequal"
    store_all(engine, [certificate.model_copy(update={"version": 2})])
    assert client.get(f"{PATH}/reports/sources.csv").status_code == 200


@pytest.mark.usefixtures("whole")
def test_a_final_batch_with_a_rejected_message_has_no_report_until_it_is_redriven(
    client: Client, engine: Engine
) -> None:
    with engine.begin() as connection:
        run(
            connection,
            """
            INSERT INTO dead_letter (
                consumer, topic, partition, message_offset, correlation, body, code, reason
            )
            VALUES ('c', 't', 0, 0, :b, '', 'event.unknown', 'r')""",
            b=PATH.rsplit("/", 1)[1],
        )
    assert client.get(f"{PATH}/reports/sources.csv").json()["code"] == "reports.dead-letter"
    with engine.begin() as connection:
        run(connection, "DELETE FROM dead_letter")
    assert client.get(f"{PATH}/reports/sources.csv").status_code == 200


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("code", message_signatures.CODES)
def test_a_forged_message_bars_no_report(client: Client, engine: Engine, code: str) -> None:
    with engine.begin() as connection:
        run(
            connection,
            """
            INSERT INTO dead_letter (
                consumer, topic, partition, message_offset, correlation, body, code, reason
            )
            VALUES ('c', 't', 0, 0, :b, '', :code, 'r')""",
            b=PATH.rsplit("/", 1)[1],
            code=code,
        )
    assert client.get(f"{PATH}/reports/sources.csv").status_code == 200


@pytest.mark.usefixtures("whole")
def test_a_certificate_that_does_not_account_for_the_file_bars_no_report(
    client: Client, engine: Engine
) -> None:
    certificate = next(event for event in BATCH.events if isinstance(event, CertificateIssued))
    nothing = dict.fromkeys(("total", "paid", "failed", "unpayable", "refused"), Outcome())
    store_all(engine, [certificate.model_copy(update={"version": 9, **nothing})])
    assert client.get(f"{PATH}/reports/sources.csv").status_code == 200


@pytest.mark.usefixtures("whole")
def test_every_file_is_given_with_its_type_and_leaves_no_connection_behind(
    client: Client, engine: Engine
) -> None:
    for name, media in (
        ("sources.csv", "text/csv"),
        ("branches.xlsx", "application/vnd"),
        ("summary.pdf", "application/pdf"),
        ("all.zip", "application/zip"),
    ):
        for _ in range(EXPORTS_MAX + 1):
            answer = client.get(f"{PATH}/reports/{name}")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(media)
            assert answer.content
    assert client.get(f"{PATH}/reports/secrets.csv").status_code == 422
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.checkedout() == 0


@pytest.mark.parametrize(
    "name",
    ["sources.csv", "branches.csv", "payments.csv", "payments.xlsx", "summary.pdf", "all.zip"],
)
def test_the_name_of_a_file_says_that_one_person_was_enough(
    client: Client, engine: Engine, name: str
) -> None:
    store_all(engine, BATCH.events)
    assert (
        client.get(f"{PATH}/reports/{name}").headers["content-disposition"]
        == f'attachment; filename="{BATCH.batch_id}-{name}"'
    )
    store_all(
        engine,
        [
            e.model_copy(update={"version": 9})
            for e in factories.approved_by_uploader(BATCH)[-2:]
            if isinstance(e, BatchChanged)
        ],
    )
    assert (
        client.get(f"{PATH}/reports/{name}").headers["content-disposition"]
        == f'attachment; filename="{BATCH.batch_id}-single-control-{name}"'
    )


@pytest.mark.usefixtures("whole")
def test_a_reader_who_goes_away_gives_back_slot_and_connection(engine: Engine) -> None:
    context = Context(
        engine,
        "token",
        factories.CIPHER,
        0.3,
        lambda _connection, _batch_id: None,
        slots=BoundedSemaphore(1),
    )
    for _ in range(3):
        chunks = files.export(context, BATCH.batch_id, lambda report: report.csv("payments"))
        next(chunks)
        del chunks
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.checkedout() == 0
