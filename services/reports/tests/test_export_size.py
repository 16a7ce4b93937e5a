"""A large report streams: its lines are made as they are read, in flat memory."""

import sys
import time
import tracemalloc
from uuid import uuid5

import pytest
from sqlalchemy import Engine

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from services.reports import consumers
from services.reports.store import rows as file_rows
from services.reports.store.bulk_insert import upsert_newer
from services.reports.tests import factories
from services.reports.tests.test_export import open_report

pytestmark = pytest.mark.database


def fill(engine: Engine, batch: factories.Sample, rows: int) -> None:
    """A batch of many rows, each its own payment, written past the events."""
    events = {type(event): event for event in batch.events}
    pattern = events[RowRead].model_dump(mode="json") | {"read_at": str(factories.START)}
    items = []
    for number in range(1, rows + 1):
        row_id = str(uuid5(batch.batch_id, str(number)))
        names = {
            name: factories.CIPHER.encrypt("Ada", name, row_id)
            for name in ("first_name", "last_name")
        }
        items.append(
            pattern
            | names
            | {
                "row_id": row_id,
                "file_row": number,
                "payment_id": row_id,
                "branch_id": f"BRC-{number % 30}",
            }
        )
    with engine.begin() as connection:
        consumers.apply(connection, [events[BatchChanged]])
        upsert_newer(connection, "file_row", file_rows.COLUMNS, "revision", items)
        run(
            connection,
            """
            INSERT INTO payment (payment_id, batch_id, approved_at, approved_by, amount_cents)
            SELECT payment_id, batch_id, now(), 'approver', amount_cents
            FROM file_row
            WHERE payment_id IS NOT NULL""",
        )
        run(
            connection,
            """
            INSERT INTO payment_row
            SELECT row_id, payment_id
            FROM file_row
            WHERE payment_id IS NOT NULL""",
        )


def test_fifty_thousand_rows_stream_in_flat_memory(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = factories.make(3, 24)
    fill(engine, batch, 50_000)
    with engine.connect() as connection:
        report = open_report(connection, batch)
        began, cpu = time.monotonic(), time.process_time()
        size = sum(len(chunk) for chunk in report.csv("payments"))
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        tracemalloc.start()
        lines = sum(
            chunk.count(b"\n") for chunk, _ in zip(report.csv("payments"), range(12), strict=False)
        )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    with capsys.disabled():
        sys.stdout.write(
            f"\n50,000 rows: payments.csv {size / 1e6:.1f} MB in {seconds:.1f} s "
            f"({cpu:.1f} s of processor), {peak / 1e6:.1f} MB held\n"
        )
    assert lines == 12 * 500 + 1
    assert peak < 16_000_000
