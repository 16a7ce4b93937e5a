"""A file whose batch would not fit into one message is refused before anything is stored."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import BufferedReader
from uuid import uuid4

import pytest

from libs.common.contracts.envelope import MAX_CENTS
from libs.common.contracts.events.batches import Address, BatchChanged, Branch, Counts, Source
from services.ingest import staging
from services.ingest.roster import batch_size
from services.ingest.roster.batch_size import BatchSize
from services.ingest.roster.cross_row_rules import RosterSummary
from services.ingest.roster.issue_codes import FileRejected
from services.ingest.roster.row_rules import ParsedRow, RowValues
from services.ingest.roster.xml_parser import ReadLimits
from services.ingest.staging import RosterReader
from services.ingest.tests.harness import IngestHarness, read_here

NOTHING = RowValues(*[None] * len(RowValues._fields))
LONG = '"' * 120 + "é" * 136  # 256 characters, each of more than one byte in JSON


def values(number: int) -> RowValues:
    return NOTHING._replace(
        branch_id=f"{number:06}{LONG[6:]}",
        payor_id=f"{number:06}{LONG[6:]}",
        payor_name=LONG,
        dba=LONG,
        line1=LONG,
        city=LONG,
        institution_id=f"ins_{number:032}",
    )


def test_the_count_is_never_less_than_the_message() -> None:
    size, count = BatchSize(), 50
    for number in range(count):
        row = values(number)
        size.add(row, row.payor_id or "", 1)
    most = Counts(**dict.fromkeys(Counts.model_fields, 1_000_000))
    cents = Counts(**dict.fromkeys(Counts.model_fields, MAX_CENTS))
    event = BatchChanged(
        event_id=uuid4(),
        occurred_at=datetime.now(UTC),
        batch_id=uuid4(),
        version=1,
        status="ready",
        revision=1,
        family_id=uuid4(),
        period="2026-01-05",
        uploaded_by="paula",
        uploaded_at=datetime.now(UTC),
        sources=tuple(
            Source(
                source_account_id=row.payor_id or "",
                payor_name=LONG,
                dba=LONG,
                ein="123456789",
                aba_routing="123456789",
                account_last4="1234",
                account="k" * 120,
                account_index="x" * 64,
                address=Address(line1=LONG, city=LONG, state="TX", zip="12345-6789"),
                rows=most,
                amount_cents=cents,
            )
            for row in map(values, range(count))
        ),
        branches=tuple(
            Branch(branch_id=row.branch_id or "", rows=most, amount_cents=cents)
            for row in map(values, range(count))
        ),
        institutions=tuple(row.institution_id or "" for row in map(values, range(count))),
    )
    assert len(event.body()) - 1_000 < size.count_bytes < 2 * len(event.body())


@pytest.mark.parametrize(
    ("name", "field", "code"),
    [
        ("MAX_BRANCHES", "branch_id", "E_FILE_BRANCHES"),
        ("MAX_SOURCES", "payor_id", "E_FILE_SOURCES"),
        ("MAX_INSTITUTIONS", "institution_id", "E_FILE_INSTITUTIONS"),
    ],
)
def test_one_more_than_the_limit_is_refused_with_its_line(
    name: str, field: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_size, name, 10)
    size = BatchSize()

    def add(number: int) -> None:
        row = RowValues(**{**NOTHING._asdict(), field: f"x{number % 11}"})
        size.add(row, row.payor_id or "x0", number)

    for number in range(10):
        add(number)
        add(number)  # a second row of the same adds nothing
    with pytest.raises(FileRejected) as refused:
        add(10)
    assert (refused.value.code, refused.value.line) == (code, 10)


def test_long_names_are_refused_before_the_number_of_them() -> None:
    size = BatchSize()

    def add_all() -> None:
        for number in range(batch_size.MAX_SOURCES):
            row = values(number)
            size.add(row, row.payor_id or "", number)

    with pytest.raises(FileRejected) as refused:
        add_all()
    assert refused.value.code == "E_FILE_BATCH_SIZE"


@pytest.mark.database
def test_nothing_of_a_refused_file_is_stored(
    ingest: IngestHarness, xml: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_size, "MAX_BYTES", 1_500)
    batch_id = ingest.upload(xml).json()["batch_id"]
    ingest.read_all()
    found = ingest.batch(batch_id)
    assert (found["status"], found["error"]["code"]) == ("rejected", "E_FILE_BATCH_SIZE")
    assert found["rows"]["total"] == 0


@pytest.mark.database
def test_a_file_that_breaks_the_reader_does_not_stop_the_next_persons(
    ingest: IngestHarness, xml: bytes
) -> None:
    first, second = (
        ingest.upload(one, who).json()["batch_id"]
        for one, who in ((xml, "paula"), (xml + b" ", "peter"))
    )

    begun: list[BufferedReader] = []

    def read(
        source: BufferedReader, limits: ReadLimits, today: date
    ) -> Iterator[ParsedRow | RosterSummary]:
        begun.append(source)
        for piece in read_here(source, limits, today):
            yield piece
            if source is begun[0]:
                raise KeyError("a bug of ours, met by one file")

    reader = RosterReader(ingest.folder.open, ingest.encryption, read=read)
    while staging.read_next(ingest.engine, reader):
        pass
    found = ingest.batch(first)
    assert (found["status"], found["error"]["code"]) == ("rejected", "E_FILE_NOT_READ")
    assert found["rows"]["total"] == 0
    assert ingest.batch(second)["status"] == "checking"
