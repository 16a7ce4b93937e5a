"""Pay periods, digests, corrections and who may approve: rules without a database."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest import domain as rules
from services.ingest.domain import Approval, Batch, Correction, Digest, Refused

ANCHOR = date(2026, 1, 5)
DIGEST = "sha256:" + "a" * 64
ID = UUID(int=7)
READY = Batch(
    ID,
    ID,
    None,
    "ready",
    2,
    1,
    "roster.xml",
    ANCHOR,
    "paula",
    datetime(2026, 1, 6, tzinfo=UTC),
    digest=DIGEST,
)


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 1, 1)))
def test_a_day_lies_in_the_fourteen_days_of_its_period(day: date) -> None:
    first = rules.period_of(day, ANCHOR)
    assert 0 <= (day - first).days < 14
    assert (first - ANCHOR).days % 14 == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-13-01", "period.invalid"),
        ("soon", "period.invalid"),
        ("2027-11-23", "period.too-far"),
        ("0001-01-01", "period.invalid"),
    ],
)
def test_a_period_that_is_none_is_refused(text: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        rules.period_named(
            text, date(2026, 11, 20), date(2026, 1, 6)
        )  # the calendar itself begins within a period of this anchor
    assert refused.value.code == code


def test_without_a_period_it_is_todays() -> None:
    assert (
        rules.period_named("", date(2026, 11, 20), ANCHOR)
        == rules.period_named("2026-11-20", date(2026, 1, 1), ANCHOR)
        == date(2026, 11, 9)
    )


def test_a_zip_of_another_state_offers_the_state_of_the_zip() -> None:
    assert rules.offered("CORP-1", "IA", "67485") == Correction("CORP-1", "state", "IA", "KS")
    assert rules.offered("CORP-1", "KS", "67485") is None
    assert rules.offered("CORP-1", "IA", "00100") is None


@pytest.mark.parametrize(
    ("field", "value"), [("ein", "321202400"), ("state", "ZZ"), ("zip", "1234"), ("line1", " ")]
)
def test_a_correction_must_be_of_the_address_and_a_value(field: str, value: str) -> None:
    with pytest.raises(Refused):
        rules.check_correction(Correction("CORP-1", field, "x", value))


def digest(
    period: date = ANCHOR, correction: str = "KS", row: tuple[object, ...] = ("1", "payable", 100)
) -> str:
    made = Digest(period)
    made.corrections([["CORP-1", "state", "IA", correction]])
    made.rows([row, ("2", "payable", 5)])
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
        rules.check_approval(batch, approval or Approval("anna", DIGEST), warnings, payable)
    except Refused as refused:
        return refused.code
    return ""


def test_an_approval_must_fit_the_batch_as_it_is() -> None:
    assert refusal() == ""
    assert refusal(replace(READY, status="paying")) == "approval.not-ready"
    assert refusal(approval=Approval("anna", "sha256:" + "b" * 64)) == "approval.stale"
    assert refusal(warnings=("W_X",)) == "approval.unacknowledged"
    assert refusal(approval=Approval("anna", DIGEST, frozenset({"W_X"})), warnings=("W_X",)) == ""
    assert refusal(payable=0) == "approval.nothing-payable"


def test_who_had_a_hand_in_it_cannot_approve() -> None:
    rules.check_approver("anna", {"paula"}, one_person=False)
    rules.check_approver("paula", {"paula"}, one_person=True)
    for person in ("paula", ""):
        with pytest.raises(Refused):
            rules.check_approver(person, {"paula"}, one_person=False)
