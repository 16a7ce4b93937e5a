"""Rows that are also in another live batch of the pay period: a warning with the figures."""

from collections.abc import Callable
from typing import Any

import pytest

from libs.common.contracts.money import display
from services.ingest.domain.batch_warnings import OVERLAP
from services.ingest.tests.harness import IngestHarness, next_period, spaced

pytestmark = pytest.mark.database
MakeXml = Callable[[int], bytes]


def warned(ingest: IngestHarness, batch: Any) -> dict[str, str]:
    """{the other batch: the sentence} of the warnings of an overlap."""
    found = ingest.get(f"/batches/{batch['batch_id']}/issues", code=OVERLAP)["items"]
    assert all((one["outcome"], one["file_row"]) == ("warning", 0) for one in found)
    return {one["value"]: one["message"] for one in found}


def pieces(xml: bytes) -> list[bytes]:
    """The rows of a roster."""
    return [
        row + b"</row>"
        for row in xml.removeprefix(b"<root>").removesuffix(b"</root>").split(b"</row>")
        if row.strip()
    ]


def rosters(*rows: bytes) -> bytes:
    return b"<root>" + b"".join(rows) + b"</root>"


def test_the_same_rows_in_other_bytes_are_a_warning_with_count_money_and_the_other_batch(
    ingest: IngestHarness, xml: bytes
) -> None:
    first = ingest.ready(xml)
    assert OVERLAP not in first["to_acknowledge"]
    twin = ingest.ready(spaced(xml))
    assert twin["rows"] == first["rows"]
    sentence = warned(ingest, twin)[first["batch_id"]]
    total, payable = (display(twin["amount_cents"][name]) for name in ("total", "payable"))
    assert sentence.startswith(
        f"20 rows, {total}, are also in batch {first['batch_id']} of this pay period, "
        "which is ready."
    )
    assert payable in sentence
    assert ingest.approve(
        twin, acknowledge=[code for code in twin["to_acknowledge"] if code != OVERLAP]
    ).json()["missing"] == [OVERLAP]
    assert ingest.approve(twin).status_code == 200


def test_the_overlap_is_computed_again_with_every_check(
    ingest: IngestHarness, make_xml: MakeXml
) -> None:
    xml = make_xml(12).replace(b"ins_116527", b"ins_116304")
    first = ingest.ready(xml)
    twin = ingest.ready(spaced(xml))
    assert ingest.approve(first).status_code == 200
    assert ingest.approve(twin).json()["code"] == "approval.claims-moved"
    again = ingest.check(twin["batch_id"])
    assert again["rows"]["excluded"] == first["rows"]["payable"]
    assert (
        "which is approved. None of them would be paid here."
        in warned(ingest, again)[first["batch_id"]]
    )
    assert [one["count"] for one in again["issues"] if one["code"] == OVERLAP] == [1], (
        "the warning of the check before is gone"
    )
    third = ingest.ready(spaced(spaced(xml)))
    assert set(warned(ingest, third)) == {first["batch_id"]}, (
        "rows that are excluded in the twin are nobody's to pay there"
    )


@pytest.mark.parametrize(
    "how", ["discarded", "cancelled", "next period", "another source", "own family"]
)
def test_what_is_no_overlap_is_not_warned_about(
    ingest: IngestHarness, make_xml: MakeXml, how: str
) -> None:
    xml = make_xml(12).replace(b"ins_116527", b"ins_116304")
    first, again, period = ingest.ready(xml), spaced(xml), ""
    if how == "discarded":
        assert ingest.discard(first).status_code == 200
    if how == "next period":
        period = next_period(first)
    if how == "another source":
        again = again.replace(b"<AccountNumber>", b"<AccountNumber>1")
    if how in {"cancelled", "own family"}:
        assert ingest.approve(first).status_code == 200
        freed = ingest.payments(first)[:4]
        ingest.end(first, freed, "cancelled" if how == "cancelled" else "failed")
        ingest.certify(first, "cancelled" if how == "cancelled" else "completed_with_failures")
    if how == "own family":
        ingest.check(ingest.child(first, filter={"status": "failed"}).json()["batch_id"])
        second = ingest.check(
            ingest.child(first, filter={"status": "failed"}).json()["batch_id"]
        )  # beside a sister with the same rows
    else:
        second = ingest.ready(again, period=period)
    assert second["rows"]["payable"] == (4 if how in {"cancelled", "own family"} else 12)
    assert warned(ingest, second) == {}
    assert OVERLAP not in second["to_acknowledge"]
    assert ingest.approve(second).status_code == 200


def test_only_the_rows_in_common_are_counted_and_several_rows_of_one_loan_once_each(
    ingest: IngestHarness, make_xml: MakeXml
) -> None:
    mine, others = pieces(make_xml(6).replace(b"ins_116527", b"ins_116304")), pieces(make_xml(5))
    first = ingest.ready(rosters(mine[0], mine[0], mine[1], *others))
    second = ingest.ready(rosters(mine[0], mine[1].replace(b"<Amount>$", b"<Amount>$1"), *mine[2:]))
    (sentence,) = warned(ingest, second).values()
    shared = [row["amount_cents"] for row in ingest.rows(second)[:2]]
    assert sentence.startswith(
        f"2 rows, {display(sum(shared))}, are also in batch {first['batch_id']}"
    )
    assert "All of them would be paid here" in sentence


def test_an_account_under_another_payor_id_is_the_same_account(
    ingest: IngestHarness, make_xml: MakeXml
) -> None:
    (row,) = pieces(make_xml(1).replace(b"ins_116527", b"ins_116304"))
    first = ingest.ready(rosters(row))
    other = ingest.ready(rosters(row.replace(b"CORP-", b"CORP-X")))
    assert warned(ingest, other)[first["batch_id"]].startswith("1 row, ")


def test_a_row_refused_here_or_there_is_in_no_overlap(
    ingest: IngestHarness, make_xml: MakeXml
) -> None:
    (row,) = pieces(make_xml(1).replace(b"ins_116527", b"ins_116304"))
    broken = row.replace(b"<Amount>$", b"<Amount>")
    bad = broken.replace(b".", b",")
    first = ingest.ready(rosters(bad))
    good = ingest.ready(rosters(row))
    assert warned(ingest, good) == {}
    assert set(warned(ingest, ingest.ready(rosters(broken)))) == {good["batch_id"]}
    assert (first["rows"]["refused"], warned(ingest, ingest.ready(rosters(bad) + b"\n"))) == (1, {})


def test_a_warning_names_twenty_batches_at_most(ingest: IngestHarness, make_xml: MakeXml) -> None:
    (row,) = pieces(make_xml(1).replace(b"ins_116527", b"ins_116304"))
    for n in range(21):
        ingest.ready(rosters(row) + b"\n" * n)
    assert len(warned(ingest, ingest.ready(rosters(row) + b"\n" * 99))) == 20
