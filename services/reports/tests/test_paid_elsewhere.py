"""A payment that was paid by other means shows as such in every report, and never as paid by us."""

import csv
import io

import pytest
from sqlalchemy import Engine

from libs.common.contracts.events.payments import PaymentChanged
from libs.common.contracts.statuses import PAID_ELSEWHERE, PAID_ELSEWHERE_TITLE, payment_title
from services.reports.pdf_summary import _outcome_lines
from services.reports.store import queries
from services.reports.tests import factories
from services.reports.tests.test_export import files, stored


def test_its_title_and_its_line_in_the_summary_say_so() -> None:
    assert payment_title("cancelled", PAID_ELSEWHERE) == PAID_ELSEWHERE_TITLE
    assert payment_title("cancelled", "cancelled") == "Cancelled before it was sent"
    lines = _outcome_lines({"cancelled": (3, 300), "paid": (1, 100)}, (2, 200))
    at = [line[0] for line in lines].index("cancelled")
    assert lines[at + 1][0].strip() == "of these paid by other means, not by us"
    assert lines[-1][1] == "4"  # it is counted once
    assert len(_outcome_lines({}, (0, 0))) == len(lines) - 1


@pytest.mark.database
def test_payments_csv_shows_the_code_and_what_people_wrote(engine: Engine) -> None:
    batch = factories.make(200, 3)
    events = [
        event.model_copy(update={"reason_code": PAID_ELSEWHERE, "reason": "check 4711"})
        if isinstance(event, PaymentChanged) and event.status == "cancelled"
        else event
        for event in batch.events
    ]
    stored(engine, events)
    lines = csv.DictReader(io.StringIO(files(engine, batch)["payments"].decode()))
    shown = [line for line in lines if line["reason_code"] == PAID_ELSEWHERE]
    assert {(line["status"], line["reason"]) for line in shown} == {("cancelled", "check 4711")}
    with engine.connect() as connection:
        rows, cents = queries.paid_elsewhere(connection, batch.batch_id)
        totals = queries.totals(connection, batch.batch_id)
    assert (rows, cents) == (len(shown), sum(int(line["amount_cents"]) for line in shown))
    assert rows > 0
    assert totals["paid"][0] == sum(1 for line in files_lines(engine, batch) if is_paid(line))


def files_lines(engine: Engine, batch: factories.Sample) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files(engine, batch)["payments"].decode())))


def is_paid(line: dict[str, str]) -> bool:
    return line["status"] == "completed"
