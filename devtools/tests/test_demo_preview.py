"""The preview of the demo: what can be paid, what a correction mends, what cannot be paid."""

from typing import Any

from devtools import demo_preview

CORRECTION = {"source_account_id": "CORP-1", "field": "state", "from": "IA", "to": "KS"}


def batch(**changes: Any) -> dict[str, Any]:
    counts = {"total": 6, "payable": 1, "unpayable": 5, "refused": 0, "excluded": 0}
    cents = {"total": 21_00, "payable": 1_00, "unpayable": 20_00, "refused": 0, "excluded": 0}
    sources = [
        {"source_account_id": name, "payor_name": f"Payor {name}", "account_last4": "0001"}
        for name in ("CORP-1", "CORP-2")
    ]
    whole = {
        "filename": "roster.xml",
        "period": "2026-11-16",
        "rows": counts,
        "amount_cents": cents,
        "sources": sources,
        "branches": [{}],
        "digest": f"sha256:{'0' * 64}",
        "issues": [],
        "corrections_offered": [CORRECTION],
    }
    return {**whole, **changes}


def row(source: str, code: str, cents: int, status: str = "unpayable") -> dict[str, Any]:
    return {
        "source_account_id": source,
        "status": status,
        "reason_code": code,
        "reason": f"Why {code}.",
        "institution_id": "ins_1",
        "amount_cents": cents,
    }


ROWS = [
    row("CORP-1", "payor_refused", 2_00),
    row("CORP-1", "payor_refused", 3_00),
    row("CORP-1", "no_merchant", 4_00),
    row("CORP-2", "no_merchant", 5_00),
    row("CORP-2", "payor_refused", 6_00),
]


def money(line: str) -> tuple[int, str]:
    words = line.split()
    return int(words[-3]), words[-1]


def found(lines: list[str], what: str) -> tuple[int, str]:
    (line,) = [line for line in lines if what in line]
    return money(line)


def test_what_a_correction_mends_is_not_called_unpayable() -> None:
    lines = demo_preview.lines(batch(), ROWS)
    assert found(lines, "can be paid as it is") == (1, "$1.00")
    assert found(lines, "can be paid after a correction") == (2, "$5.00")
    assert found(lines, "state IA -> KS") == (2, "$5.00")
    assert found(lines, "cannot be paid  ") == (3, "$15.00")


def test_each_reason_has_its_rows_and_money_and_no_merchant_is_explained() -> None:
    lines = demo_preview.lines(batch(), ROWS)
    assert found(lines, "Why no_merchant (ins_1)") == (2, "$9.00")
    assert found(lines, "Why payor_refused") == (1, "$6.00")
    after = lines[next(index for index, line in enumerate(lines) if "no_merchant" in line) + 1]
    assert "cannot pay this servicer" in after


def test_the_three_parts_are_the_whole_file() -> None:
    lines = demo_preview.lines(batch(), ROWS)
    parts = [found(lines, what) for what in ("as it is", "after a correction", "cannot be paid  ")]
    assert sum(rows for rows, _ in parts) == 6
    assert sum(round(float(dollars[1:]) * 100) for _, dollars in parts) == 21_00


def test_without_an_offer_nothing_is_said_of_corrections() -> None:
    lines = demo_preview.lines(batch(corrections_offered=[]), ROWS)
    assert not [line for line in lines if "correction" in line]
    assert found(lines, "cannot be paid  ") == (5, "$20.00")
