"""What must be true after a run: by the provider's own records, and between the three reports."""

from collections import Counter
from typing import Any
from xml.etree import ElementTree as ET

from tests.flow.harness import Report, System

#: Columns that may differ between two runs of one roster: ids, times, the number of attempts.
RUN_COLUMNS = {
    "batch_id",
    "row_id",
    "payment_id",
    "provider_payment_id",
    "source_trace_id",
    "destination_trace_id",
    "attempts",
    "approved_at",
    "created_at",
    "updated_at",
    "completed_at",
    "reversal_id",
    "provider_status",
}


def rows_of(xml: bytes) -> list[dict[str, Any]]:
    """The rows of a roster, read by another parser than ours."""

    def text(row: ET.Element, path: str) -> str:
        return row.findtext(path) or ""

    return [
        {
            "file_row": str(n),
            "source": (text(r, "Payor/ABARouting"), text(r, "Payor/AccountNumber")),
            "employee": text(r, "Employee/DunkinId"),
            "phone": text(r, "Employee/PhoneNumber"),
            "institution": text(r, "Payee/PlaidId"),
            "loan": text(r, "Payee/LoanAccountNumber"),
            "cents": int(text(r, "Amount").replace("$", "").replace(".", "")),
        }
        for n, r in enumerate(ET.fromstring(xml), start=1)
    ]


def paid_exactly_once(system: System, *rosters: bytes) -> int:
    """The provider has each payable (source, loan) once, with its sum and the right person.

    Returns:
        The total of these rosters in cents.
    """
    merchants = {m["id"]: set(m["plaid"]) for m in system.provider_records("merchants")}
    payable = {i for plaid in merchants.values() for i in plaid}
    expected: Counter[tuple[Any, ...]] = Counter()
    for row in (row for xml in rosters for row in rows_of(xml)):
        if row["institution"] in payable:
            expected[(row["source"], row["institution"], row["loan"], row["phone"])] += row["cents"]
    accounts = {a["id"]: a for a in system.provider_records("accounts")}
    entities = {e["id"]: e for e in system.provider_records("entities")}
    found: dict[tuple[Any, ...], list[int]] = {}
    for payment in system.provider_records("payments"):
        assert payment["idempotency_key"]
        if payment["status"] in ("failed", "canceled"):
            continue
        source, loan = accounts[payment["source"]], accounts[payment["destination"]]
        (institution,) = [i for i in merchants[loan["mch_id"]] if i.startswith("ins_")]
        key = (
            (source["routing"], source["number"]),
            institution,
            loan["number"],
            entities[loan["holder_id"]]["phone"],
        )
        found.setdefault(key, []).append(payment["amount"])
    assert {k: v for k, v in found.items() if len(v) > 1} == {}
    assert {k: v[0] for k, v in found.items()} == dict(expected)
    return sum(expected.values())


def reports_agree(system: System, batch_id: str, xml: bytes) -> Report:
    """For every outcome sources, branches and payments have one sum; together the file's total."""
    found = system.reports(batch_id)
    payments, sources, branches = found["payments"], found["sources"], found["branches"]
    total = sum(row["cents"] for row in rows_of(xml))
    outcomes = [column for column in sources[0] if column.endswith("_amount")]
    for column in ("amount", *outcomes):
        assert sum(cents(line[column]) for line in sources) == sum(
            cents(line[column]) for line in branches
        ), column
    for listed in (sources, branches):
        assert (
            sum(cents(line["amount"]) for line in listed)
            == sum(cents(line[c]) for line in listed for c in outcomes)
            == total
        )
    assert sum(int(line["amount_cents"]) for line in payments) == total
    assert len(payments) == len(rows_of(xml))
    return payments


def cents(text: str) -> int:
    whole, _, part = text.partition(".")
    assert len(part) == 2
    return int(whole + part)


def comparable(report: Report) -> Report:
    """A report without the columns that may differ between two runs."""
    return sorted(
        ({k: v for k, v in line.items() if k not in RUN_COLUMNS} for line in report),
        key=lambda line: int(line["file_row"]),
    )
