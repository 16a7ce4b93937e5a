"""Findings over time are counted as a person would; without servers."""

from typing import Any

from tests.chaos.findings import Findings, findings_in


def service(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "away": False, "held": "", "checks": {}, "world": {}, **more}


def test_a_finding_that_stays_is_one_and_one_that_comes_again_flaps() -> None:
    findings = Findings()
    for at_s, found in enumerate([(), ("a", "b"), ("a",), ("a", "b"), ()]):
        findings.note(float(at_s), found)
    assert findings.spans == {"a": [[1.0, 4.0]], "b": [[1.0, 2.0], [3.0, 4.0]]}
    assert findings.flapping() == {"b": 2}
    assert list(findings.lines()) == ["a: 1 to 4 s", "b: 1 to 2 s, 3 to 4 s"]


def test_a_look_that_says_nothing_of_a_finding_neither_ends_nor_begins_it() -> None:
    findings = Findings()
    findings.note(1.0, {"ledger: group batches", "reports: clock"})
    findings.note(2.0, {"ledger is away"}, {"ledger: "})
    findings.note(3.0, {"ledger: group batches"})
    assert findings.spans == {
        "ledger: group batches": [[1.0, None]],
        "reports: clock": [[1.0, 2.0]],
        "ledger is away": [[2.0, 3.0]],
    }


def test_every_part_of_health_is_a_finding() -> None:
    health = {
        "services": [
            service("ingest", away=True),
            service("ledger", checks={"group batches": False, "migrations": True}),
            service("reports", world={"disk": "The disk is full."}, held="It was restored."),
        ]
    }
    assert findings_in(health) == (
        {
            "ingest is away",
            "ledger: group batches",
            "reports: The disk is full.",
            "reports: It was restored.",
        },
        {"ingest: "},
    )
