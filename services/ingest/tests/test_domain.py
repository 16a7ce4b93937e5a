"""Pay periods, digests, corrections and who may approve: rules without a database."""

from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain import approval as approval_rules
from services.ingest.domain import pay_period
from services.ingest.domain.approval import Approval, IncludedRow
from services.ingest.domain.batch import Batch, RowIds, payment_id, row_id
from services.ingest.domain.correction import Correction, check_correction, offer_correction
from services.ingest.domain.digest import ContentsDigest
from services.ingest.domain.errors import RequestError
from services.ingest.domain.pay_period import PayCalendar, PayPeriod

ANCHOR = date(2026, 1, 5)
CALENDAR = PayCalendar("every-two-weeks", ANCHOR)
DIGEST = "sha256:" + "a" * 64
ID = UUID(int=7)
READY = Batch(
    batch_id=ID,
    family_id=ID,
    parent_batch_id=None,
    status="ready",
    filename="roster.xml",
    period=ANCHOR,
    uploaded_by="paula",
    uploaded_at=datetime(2026, 1, 6, tzinfo=UTC),
    version=2,
    revision=1,
    digest=DIGEST,
)


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 1, 1)))
def test_a_day_lies_in_the_fourteen_days_of_its_period(day: date) -> None:
    period = pay_period.PayCalendar("every-two-weeks", ANCHOR).period_of(day)
    assert 0 <= (day - period.first).days < 14
    assert (period.first - ANCHOR).days % 14 == 0
    assert (period.last - period.first).days == 13


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-13-01", "period.invalid"),
        ("soon", "period.invalid"),
        ("2027-11-23", "period.too-far"),
        ("2026-05-19", "period.too-far"),
        ("2025-11-20", "period.too-far"),
        ("0001-01-01", "period.too-far"),
    ],
)
def test_a_period_that_is_none_is_refused(text: str, code: str) -> None:
    with pytest.raises(RequestError) as raised:
        pay_period.parse_period(text, date(2026, 11, 20), CALENDAR)
    assert raised.value.code == code


def test_without_a_period_it_is_todays() -> None:
    assert (
        pay_period.parse_period("", date(2026, 11, 20), CALENDAR)
        == pay_period.parse_period("2026-11-20", date(2026, 1, 1), CALENDAR)
        == PayPeriod(date(2026, 11, 9), date(2026, 11, 22))
    )


def test_a_zip_of_another_state_offers_the_state_of_the_zip() -> None:
    assert offer_correction("CORP-1", "IA", "67485") == Correction("CORP-1", "state", "IA", "KS")
    assert offer_correction("CORP-1", "KS", "67485") is None
    assert offer_correction("CORP-1", "IA", "00100") is None


@pytest.mark.parametrize(
    ("field", "value"), [("ein", "321202400"), ("state", "ZZ"), ("zip", "1234"), ("line1", " ")]
)
def test_a_correction_must_be_of_the_address_and_a_value(field: str, value: str) -> None:
    with pytest.raises(RequestError):
        check_correction(Correction("CORP-1", field, "x", value))


def digest(
    period: date = ANCHOR, correction: str = "KS", row: tuple[object, ...] = ("1", "payable", 100)
) -> str:
    made = ContentsDigest(period)
    made.add_corrections([["CORP-1", "state", "IA", correction]])
    made.add_rows([row, ("2", "payable", 5)])
    return made.text()


def test_the_digest_moves_with_period_correction_and_every_row() -> None:
    others = {
        digest(date(2026, 1, 19)),
        digest(correction="MO"),
        digest(row=("1", "payable", 101)),
        digest(row=("1", "unpayable", 100)),
    }
    assert digest() == digest()
    assert len(others | {digest()}) == 5
    assert digest().startswith("sha256:")
    assert len(digest()) == 71


def refusal(
    batch: Batch = READY,
    approval: Approval | None = None,
    warnings: tuple[str, ...] = (),
    payable: int = 1,
) -> str:
    try:
        approval_rules.check_approval(
            batch, approval or Approval("anna", DIGEST), warnings, payable
        )
    except RequestError as error:
        return error.code
    return ""


def test_an_approval_must_fit_the_batch_as_it_is() -> None:
    assert refusal() == ""
    assert refusal(replace(READY, status="paying")) == "approval.not-ready"
    assert refusal(approval=Approval("anna", "sha256:" + "b" * 64)) == "approval.stale"
    assert refusal(warnings=("W_X",)) == "approval.unacknowledged"
    assert refusal(approval=Approval("anna", DIGEST, frozenset({"W_X"})), warnings=("W_X",)) == ""
    assert refusal(payable=0) == "approval.nothing-payable"


def test_who_contributed_to_a_batch_cannot_approve_it() -> None:
    approval_rules.check_approver("anna", {"paula"}, one_person=False)
    approval_rules.check_approver("paula", {"paula"}, one_person=True)
    for person in ("paula", ""):
        with pytest.raises(RequestError):
            approval_rules.check_approver(person, {"paula"}, one_person=False)


def test_an_inclusion_is_read_again_from_the_reason_of_its_row() -> None:
    was = f"already in batch {UUID(int=9)} of this period"
    reason = f"included by anna, was here, was {was}: a second one: for May"
    assert approval_rules.parse_inclusion(ID, reason) == IncludedRow(
        ID, "anna, was here", was, "a second one: for May"
    )
    assert approval_rules.parse_inclusion(ID, "else") == IncludedRow(ID, "unknown", "else", "else")


def test_ids_of_many_rows_are_those_of_each_row() -> None:
    batch_id = UUID("98fb7f76-ac54-4d33-9bc6-fd246a6eb41f")
    ids = RowIds(batch_id)
    for number in (1, 2, 50_000, *range(10, 80)):
        assert ids.row_id(number) == str(row_id(batch_id, number))
        assert ids.payment_id(number) == str(payment_id(batch_id, number))


def test_the_digest_is_of_json_lines() -> None:
    made = ContentsDigest(ANCHOR)
    made.add_rows([("1", 'Nu\u00f1ez "\\', None, True, 100)])
    lines = f'["period","{ANCHOR.isoformat()}"]\n["row","1","Nu\u00f1ez \\"\\\\",null,true,100]\n'
    assert made.text() == f"sha256:{sha256(lines.encode()).hexdigest()}"
