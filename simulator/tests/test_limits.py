import pytest

from simulator.faults import parse_faults
from simulator.limits import CRITICAL, PAYMENTS, READS, Limiter, tier_of
from simulator.tests.harness import Simulator


def admitted(
    limiter: Limiter,
    count: int,
    now_s: float,
    tier: str = READS,
    key: str = "sk_a",
    address: str = "1",
) -> int:
    return sum(limiter.admit(key, address, tier, now_s) == 0 for _ in range(count))


def test_legacy_admits_six_hundred_a_minute_per_address_over_everything() -> None:
    limiter = Limiter("legacy")
    assert admitted(limiter, 300, 0.0) + admitted(limiter, 300, 30.0, PAYMENTS) == 600
    assert limiter.admit("sk_b", "1", READS, 59.0) == 1.0
    assert limiter.admit("sk_b", "2", READS, 59.0) == 0
    assert admitted(limiter, 600, 60.0) == 300  # the window rolls


def test_current_blocks_a_tier_for_a_minute_and_no_other() -> None:
    limiter = Limiter("current")
    assert admitted(limiter, 121, 0.0, PAYMENTS) == 120
    assert limiter.admit("sk_a", "1", PAYMENTS, 59.9) > 0
    assert limiter.admit("sk_a", "1", READS, 1.0) == 0
    assert limiter.admit("sk_b", "1", PAYMENTS, 1.0) == 0  # per key
    assert limiter.admit("sk_a", "1", PAYMENTS, 60.0) == 0
    assert admitted(limiter, 100, 0.0, CRITICAL) == 60
    assert admitted(limiter, 6_001, 0.0, "POST /entities") == 6_000
    assert limiter.admit("sk_a", "1", "POST /accounts", 0.0) == 0


def test_calls_during_a_block_do_not_extend_it() -> None:
    limiter = Limiter("current")
    assert admitted(limiter, 121, 0.0, PAYMENTS) == 120
    assert admitted(limiter, 50, 30.0, PAYMENTS) == 0
    assert limiter.admit("sk_a", "1", PAYMENTS, 60.5) == 0


def test_overrides_replace_the_profiles_numbers() -> None:
    limiter = Limiter("demo")
    limiter.override(None, 3)
    assert admitted(limiter, 10, 0.0, PAYMENTS) == 3
    limiter.override(5, None)
    assert admitted(limiter, 10, 0.0) == 5
    limiter.override(None, None)
    assert admitted(limiter, 10, 0.0) == 10


@pytest.mark.parametrize(
    ("method", "template", "tier"),
    [
        ("POST", "/payments", PAYMENTS),
        ("DELETE", "/payments/{id}", CRITICAL),
        ("POST", "/reports", CRITICAL),
        ("GET", "/payments", READS),
        ("POST", "/entities", "POST /entities"),
        ("PUT", "/entities/{id}", "PUT /entities"),
        ("POST", "/webhooks", "other"),
    ],
)
def test_each_call_has_its_tier(method: str, template: str, tier: str) -> None:
    assert tier_of(method, template) == tier


def test_over_the_limit_is_429_with_retry_after_and_counted(simulator: Simulator) -> None:
    before = simulator.summary()["limit_violations"]
    simulator.control("limits", {"requests_per_min": 2, "payments_per_min": None})
    answers = [simulator.call("GET", "/ping") for _ in range(4)]
    assert [a.status for a in answers] == [200, 200, 429, 429]
    assert answers[2].error["sub_type"] == "TOO_MANY_REQUESTS"
    assert 50 <= int(answers[2].headers["retry-after"]) <= 60
    assert simulator.summary()["limit_violations"] == before + 2


def test_profiles_can_be_changed_and_a_misnamed_one_is_refused(simulator: Simulator) -> None:
    simulator.control("profile", {"name": "legacy"})
    assert sum(simulator.call("GET", "/ping").status == 429 for _ in range(605)) == 5
    assert simulator.call("PUT", "/_simulator/profile", {"name": "fast"}).status == 400
    assert simulator.call("GET", "/_simulator/profile").body == {"name": "legacy"}


def test_the_first_rule_that_hits_wins_and_the_seed_decides() -> None:
    rules = [
        {"method": "POST", "path": "/payments", "share": share, "fault": fault}
        for share, fault in ((0.3, "lose_answer"), (0.3, "lose_request"))
    ]

    def run(seed: int) -> list[str | None]:
        faults = parse_faults({"seed": seed, "rules": rules})
        drawn = [faults.draw("POST", "/payments", None, lambda: True) for _ in range(2_000)]
        return [None if rule is None else rule.fault for rule in drawn]

    assert run(7) == run(7) != run(8)
    assert 520 <= run(7).count("lose_answer") <= 680
    assert 340 <= run(7).count("lose_request") <= 500  # 0.3 of what is left


def test_a_path_matches_exactly_and_a_rule_with_a_typo_is_refused() -> None:
    faults = parse_faults(
        {"rules": [{"method": "POST", "path": "/payments", "share": 1, "fault": "hang"}]}
    )
    assert faults.draw("GET", "/payments", None, lambda: True) is None
    assert faults.draw("POST", "/payments/pmt_1", None, lambda: True) is None
    for wrong in (
        {"fault": "lose"},
        {"share": 1.5},
        {"fault": "status", "status": 200},
        {"shares": 1},
    ):
        with pytest.raises(ValueError, match=r"\w"):
            parse_faults(
                {
                    "rules": [
                        {
                            "method": "POST",
                            "path": "/payments",
                            "share": 1,
                            "fault": "delay",
                            **wrong,
                        }
                    ]
                }
            )
