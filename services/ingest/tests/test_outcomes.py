"""Outcomes that only a whole upload shows: what is stored, shown and logged of them."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from libs.common.database.engine import run
from services.ingest.tests.factories import roster as roster_of
from services.ingest.tests.factories import row
from services.ingest.tests.harness import IngestHarness

pytestmark = pytest.mark.database
CARD = "4111111111111111"


def person(number: int, **more: str) -> str:
    fields = {"Employee/DunkinId": f"EMP-{number}", "Payee/LoanAccountNumber": f"{number:08d}"}
    return row(fields | {name.replace("_", "/"): value for name, value in more.items()})


def test_two_payor_ids_on_one_account_are_one_source_under_the_smaller_id(
    ingest: IngestHarness,
) -> None:
    ready = ingest.ready(
        roster_of(
            person(1, Payor_DunkinId="CORP-B"),
            person(2, Payor_DunkinId="CORP-A"),
            person(3, Payor_DunkinId="CORP-B"),
        )
    )
    assert [
        (one["source_account_id"], one["rows"], one["account_last4"]) for one in ready["sources"]
    ] == [("CORP-A", 3, "5678")]
    assert {one["source_account_id"] for one in ingest.rows(ready)} == {"CORP-A"}
    assert (ready["rows"]["payable"], "W_PAYOR_TWO_IDS" in ready["to_acknowledge"]) == (3, True)
    assert ingest.approve(ready).status_code == 200
    with ingest.engine.connect() as connection:
        paid = (
            run(
                connection,
                "SELECT DISTINCT source_account_id FROM payment WHERE batch_id = :id",
                id=ready["batch_id"],
            )
            .scalars()
            .all()
        )
    assert paid == ["CORP-A"]


def test_a_payor_with_two_account_numbers_pays_nothing_and_another_payor_does(
    ingest: IngestHarness,
) -> None:
    other = {"Payor_DunkinId": "CORP-Z", "Payor_AccountNumber": "5550001"}
    ready = ingest.ready(
        roster_of(
            person(11),
            person(12, Payor_AccountNumber="77778888", Payor_EIN="x"),
            person(13),
            person(14, **other),
        )
    )
    assert [one["status"] for one in ingest.rows(ready)] == [
        "refused",
        "refused",
        "refused",
        "payable",
    ]
    assert [(one["source_account_id"], one["rows"]) for one in ready["sources"]] == [
        ("", 3),
        ("CORP-Z", 1),
    ]


def test_a_number_like_a_cards_is_warned_about_and_neither_shown_stored_nor_logged(
    ingest: IngestHarness, capfd: pytest.CaptureFixture[str]
) -> None:
    ready = ingest.ready(roster_of(person(21, Payee_LoanAccountNumber=CARD)))
    assert "W_LOAN_CARD" in ready["to_acknowledge"]
    shown = json.dumps(
        [ready, ingest.rows(ready), ingest.get(f"/batches/{ready['batch_id']}/issues")]
    )
    with ingest.engine.connect() as connection:
        stored = [
            str(run(connection, f"SELECT json_agg(t) FROM {table} t").scalar())
            for table in ("issue", "batch_row", "row_seal", "outbox")
        ]
    logged = "".join(capfd.readouterr())
    assert "file_read" in logged
    assert not any(CARD in text or CARD[:12] in text for text in (shown, logged, *stored))


@pytest.mark.parametrize(
    "upload",
    [
        lambda ingest, data: ingest.upload(
            gzip.compress(data), headers={"Content-Encoding": "gzip"}
        ),
        lambda ingest, data: ingest.upload(gzip.compress(data), filename="roster.xml.gz"),
        lambda ingest, data: ingest.upload(data.decode().encode("utf-16")),
        lambda ingest, data: ingest.upload(b"\xef\xbb\xbf" + data),
    ],
    ids=["content-encoding", "xml.gz", "utf-16", "utf-8 with a mark"],
)
def test_a_roster_may_come_in_other_bytes(
    ingest: IngestHarness,
    upload: Callable[[IngestHarness, bytes], Any],
    make_xml: Callable[[int], bytes],
) -> None:
    answer = upload(ingest, make_xml(3))
    assert answer.status_code == 202
    ingest.read_all()
    assert ingest.check(answer.json()["batch_id"])["rows"]["total"] == 3


def test_an_unknown_element_is_warned_about_once_per_name_and_the_rows_are_paid(
    ingest: IngestHarness,
) -> None:
    rows = [
        person(number).replace("<Payor>", "<Payor><Fax>1</Fax>").replace("<row>", "<row><Memo/>")
        for number in (31, 32, 33)
    ]
    ready = ingest.ready(roster_of(*rows))
    warnings = ingest.get(f"/batches/{ready['batch_id']}/issues", code="W_UNKNOWN_ELEMENT")["items"]
    assert sorted((one["field"], one["file_row"]) for one in warnings) == [
        ("Memo", 1),
        ("Payor/Fax", 1),
    ]
    assert ready["rows"]["payable"] == 3


def test_a_state_in_small_letters_is_read_and_the_state_of_the_zip_is_offered(
    ingest: IngestHarness,
) -> None:
    ready = ingest.ready(roster_of(person(41, Payor_Address_State="Ia", Payor_Address_Zip="67485")))
    assert {"W_STATE_CASE", "W_ZIP_STATE"} <= set(ready["to_acknowledge"])
    assert [(one["from"], one["to"]) for one in ready["corrections_offered"]] == [("IA", "KS")]
