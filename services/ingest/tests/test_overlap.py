"""The same rows in another live batch of the pay period: a warning with the figures, acknowledged; and no word of it in the next period."""

from collections.abc import Callable
from typing import Any

import pytest

from libs.common.contracts.money import display
from services.ingest import domain as rules
from services.ingest.tests.harness import World, next_period, spaced

pytestmark = pytest.mark.database
MakeXml = Callable[[int], bytes]


def warned(world: World, batch: Any) -> dict[str, str]:
    """{the other batch: the sentence} of the warnings of an overlap."""
    found = world.get(f"/batches/{batch['batch_id']}/issues", code=rules.OVERLAP)["items"]
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
    world: World, xml: bytes
) -> None:
    first = world.ready(xml)
    assert rules.OVERLAP not in first["to_acknowledge"]
    twin = world.ready(spaced(xml))
    assert twin["rows"] == first["rows"]
    sentence = warned(world, twin)[first["batch_id"]]
    total, payable = (display(twin["amount_cents"][name]) for name in ("total", "payable"))
    assert sentence.startswith(
        f"20 rows, {total}, are also in batch {first['batch_id']} of this pay period, which is ready."
    )
    assert payable in sentence
    assert world.approve(
        twin, acknowledge=[code for code in twin["to_acknowledge"] if code != rules.OVERLAP]
    ).json()["missing"] == [rules.OVERLAP]
    assert world.approve(twin).status_code == 200


def test_the_overlap_is_looked_at_again_with_every_check(world: World, make_xml: MakeXml) -> None:
    xml = make_xml(12).replace(b"ins_116527", b"ins_116304")
    first = world.ready(xml)
    twin = world.ready(spaced(xml))
    assert world.approve(first).status_code == 200
    assert world.approve(twin).json()["code"] == "approval.claims-moved"
    again = world.check(twin["batch_id"])
    assert again["rows"]["excluded"] == first["rows"]["payable"]
    assert (
        "which is approved. None of them would be paid here."
        in warned(world, again)[first["batch_id"]]
    )
    assert [one["count"] for one in again["issues"] if one["code"] == rules.OVERLAP] == [1], (
        "what was said before the last check is gone"
    )
    third = world.ready(spaced(spaced(xml)))
    assert set(warned(world, third)) == {first["batch_id"]}, (
        "rows that are excluded in the twin are nobody's to pay there"
    )


@pytest.mark.parametrize(
    "how", ["discarded", "cancelled", "next period", "another source", "own family"]
)
def test_what_is_no_overlap_is_not_warned_about(world: World, make_xml: MakeXml, how: str) -> None:
    xml = make_xml(12).replace(b"ins_116527", b"ins_116304")
    first, again, period = world.ready(xml), spaced(xml), ""
    if how == "discarded":
        assert world.discard(first).status_code == 200
    if how == "next period":
        period = next_period(first)
    if how == "another source":
        again = again.replace(b"<AccountNumber>", b"<AccountNumber>1")
    if how in {"cancelled", "own family"}:
        assert world.approve(first).status_code == 200
        freed = world.payments(first)[:4]
        world.end(first, freed, "cancelled" if how == "cancelled" else "failed")
        world.certify(first, "cancelled" if how == "cancelled" else "completed_with_failures")
    if how == "own family":
        world.check(world.child(first, filter={"status": "failed"}).json()["batch_id"])
        second = world.check(
            world.child(first, filter={"status": "failed"}).json()["batch_id"]
        )  # beside a sister with the same rows
    else:
        second = world.ready(again, period=period)
    assert second["rows"]["payable"] == (4 if how in {"cancelled", "own family"} else 12)
    assert warned(world, second) == {}
    assert rules.OVERLAP not in second["to_acknowledge"]
    assert world.approve(second).status_code == 200


def test_only_the_rows_in_common_are_counted_and_several_rows_of_one_loan_once_each(
    world: World, make_xml: MakeXml
) -> None:
    mine, others = pieces(make_xml(6).replace(b"ins_116527", b"ins_116304")), pieces(make_xml(5))
    first = world.ready(rosters(mine[0], mine[0], mine[1], *others))
    second = world.ready(rosters(mine[0], mine[1].replace(b"<Amount>$", b"<Amount>$1"), *mine[2:]))
    (sentence,) = warned(world, second).values()
    shared = [row["amount_cents"] for row in world.rows(second)[:2]]
    assert sentence.startswith(
        f"2 rows, {display(sum(shared))}, are also in batch {first['batch_id']}"
    )
    assert "All of them would be paid here" in sentence


def test_an_account_under_another_payor_id_is_the_same_account(
    world: World, make_xml: MakeXml
) -> None:
    (row,) = pieces(make_xml(1).replace(b"ins_116527", b"ins_116304"))
    first = world.ready(rosters(row))
    other = world.ready(rosters(row.replace(b"CORP-", b"CORP-X")))
    assert warned(world, other)[first["batch_id"]].startswith("1 row, ")


def test_a_row_refused_here_or_there_is_in_no_overlap(world: World, make_xml: MakeXml) -> None:
    (row,) = pieces(make_xml(1).replace(b"ins_116527", b"ins_116304"))
    broken = row.replace(b"<Amount>$", b"<Amount>")
    bad = broken.replace(b".", b",")
    first = world.ready(rosters(bad))
    good = world.ready(rosters(row))
    assert warned(world, good) == {}
    assert set(warned(world, world.ready(rosters(broken)))) == {good["batch_id"]}
    assert (first["rows"]["refused"], warned(world, world.ready(rosters(bad) + b"\n"))) == (1, {})


def test_a_warning_names_twenty_batches_at_most(world: World, make_xml: MakeXml) -> None:
    (row,) = pieces(make_xml(1).replace(b"ins_116527", b"ins_116304"))
    for n in range(21):
        world.ready(rosters(row) + b"\n" * n)
    assert len(warned(world, world.ready(rosters(row) + b"\n" * 99))) == 20
