from datetime import UTC, date, datetime

import pytest

from simulator import business_days, domain
from simulator.domain import Outcome
from simulator.outcomes import parse_outcomes
from simulator.zip_codes import zip_in_state

FRIDAY_NOON_CST = int(datetime(2026, 11, 20, 18, 0, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("outcome", "path"),
    [
        (Outcome("posted"), ["processing", "sent", "posted"]),
        (Outcome("failed", 10009), ["processing", "failed"]),
        (Outcome("failed", 10008, "sent"), ["processing", "sent", "failed"]),
        (Outcome("failed", 10008, "posted"), ["processing", "sent", "posted", "failed"]),
        (
            Outcome("settled", 10001, "reversal_processing"),
            ["processing", "sent", "reversal_processing", "settled"],
        ),
        (Outcome("canceled", 10004), ["canceled"]),
        (Outcome("reversal_required", 10001), ["processing", "sent", "reversal_required"]),
        (Outcome("pending"), []),
    ],
)
def test_the_way_to_an_outcome(outcome: Outcome, path: list[str]) -> None:
    assert domain.path_to(outcome) == path


def test_every_step_of_every_way_is_a_legal_move() -> None:
    for status in domain.STATUSES:
        for after in (None, *domain.STATUSES):
            try:
                path = domain.path_to(Outcome(status, 10001, after))
            except ValueError:
                continue
            for before, then in zip(["pending", *path], path, strict=False):
                assert then in domain.MOVES[before], (status, after, path)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("settled", 10001, "sent"),
        Outcome("failed", 10001, "pending"),
        Outcome("posted", None, "failed"),
    ],
)
def test_an_unreachable_outcome_is_refused(outcome: Outcome) -> None:
    with pytest.raises(ValueError, match="cannot become"):
        domain.path_to(outcome)


def test_a_demo_payment_is_sent_within_three_seconds_and_ends_ten_later() -> None:
    assert domain.plan(Outcome("posted"), "demo", 0) == [
        (1_500, "processing"),
        (2_500, "sent"),
        (12_500, "posted"),
    ]
    assert domain.plan(Outcome("failed", 10009), "demo", 0) == [
        (1_500, "processing"),
        (2_500, "failed"),
    ]
    settled = domain.plan(Outcome("settled", 10001, "reversal_processing"), "demo", 0)
    assert settled[2:] == [(7_500, "reversal_processing"), (12_500, "settled")]


def test_a_real_payment_moves_at_cut_offs_on_bank_days_only() -> None:
    moments = [
        datetime.fromtimestamp(due / 1000, UTC)
        for due, _ in domain.plan(Outcome("posted"), "legacy", FRIDAY_NOON_CST)
    ]
    # Friday 13:30 CST, Monday 13:30, Tuesday 13:30.
    assert moments == [datetime(2026, 11, d, 19, 30, tzinfo=UTC) for d in (20, 23, 24)]


def test_thanksgiving_and_sundays_are_no_bank_days() -> None:
    assert not business_days.is_bank_day(date(2026, 11, 26))
    assert not business_days.is_bank_day(date(2026, 11, 22))
    assert business_days.is_bank_day(date(2026, 7, 3))  # the 4th is a Saturday: not moved
    assert not business_days.is_bank_day(date(2027, 7, 5))  # the 4th is a Sunday: moved
    assert not business_days.is_bank_day(date(2026, 5, 25))
    assert business_days.settlement_dates(FRIDAY_NOON_CST // 3_600_000) == (
        "2026-11-23",
        "2026-11-24",
    )


def test_the_same_metadata_ends_the_same_in_a_rerun_and_shares_hold() -> None:
    control = {
        "seed": 5,
        "rules": [
            {"share": 0.05, "status": "failed", "error_code": 10009},
            {"share": 0.03, "status": "failed", "error_code": 10008, "after": "sent"},
        ],
    }
    first = [parse_outcomes(control).choose({"row": n}) for n in range(4_000)]
    assert first == [parse_outcomes(control).choose({"row": n}) for n in range(4_000)]
    assert first != [
        parse_outcomes({**control, "seed": 6}).choose({"row": n}) for n in range(4_000)
    ]
    assert 150 <= sum(o.error_code == 10009 for o in first) <= 250
    assert 80 <= sum(o.after == "sent" for o in first) <= 160


def test_the_order_of_keys_in_metadata_does_not_matter() -> None:
    outcomes = parse_outcomes(
        {"seed": 1, "rules": [{"share": 0.5, "status": "failed", "error_code": 10001}]}
    )
    assert all(
        outcomes.choose({"a": n, "b": 1}) == outcomes.choose({"b": 1, "a": n}) for n in range(50)
    )


@pytest.mark.parametrize(
    "rule",
    [
        {"share": 2, "status": "posted"},
        {"share": 0.1, "status": "nonsense"},
        {"share": 0.1, "status": "failed"},
        {"share": 0.1, "status": "posted", "typo": 1},
        {"share": 0.1, "status": "failed", "error_code": 9},
        {"share": 0.1, "status": "settled", "error_code": 10001, "after": "sent"},
        "text",
    ],
)
def test_an_outcome_rule_that_cannot_be_followed_is_refused(rule: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_outcomes({"rules": [rule]})


@pytest.mark.parametrize(
    ("zip_code", "state", "belongs"),
    [
        ("50613", "IA", True),
        ("67485", "IA", False),
        ("67485", "KS", True),
        ("00501", "NY", True),
        ("20001", "DC", True),
        ("20101", "VA", True),
        ("96701", "HI", True),
        ("99950", "AK", True),
        ("02134", "MA", True),
        ("75501", "TX", True),
        ("50613", "XX", False),
        ("88510", "TX", True),
    ],
)
def test_a_zip_belongs_to_its_state(zip_code: str, state: str, belongs: bool) -> None:
    assert zip_in_state(zip_code, state) is belongs


def test_ids_are_unique_and_look_like_the_providers() -> None:
    made = {domain.make_id("pmt_", "salt", n) for n in range(20_000)}
    assert len(made) == 20_000
    assert all(len(i) == 17 and i[4:].isalnum() and i.isascii() for i in made)
