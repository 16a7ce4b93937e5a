"""How a batch is shown, and how a changed audit log is found out."""

from dataclasses import replace

import pytest

from services.gateway import domain, payment_timeline
from services.gateway.domain import Entry, chained, first_broken
from services.gateway.tests.fakes import batch, certificate, summary


@pytest.mark.parametrize(
    ("status", "state", "shown"),
    [
        ("paying", "paying", "paying"),
        ("paying", "paused", "pausing"),
        ("paused", "paused", "paused"),
        ("approved", "cancelled", "cancelling"),
        ("paying", "cancelled", "cancelling"),
        ("paused", "cancelled", "cancelling"),
        ("cancelled", "cancelled", "cancelled"),
        ("ready", None, "ready"),
        ("completed", "paying", "completed"),
        ("paused", "paying", "paused"),
    ],
)
def test_a_command_shows_at_once_and_the_status_when_the_batch_follows(
    status: str, state: str | None, shown: str
) -> None:
    assert domain.shown_status(status, state) == shown


def test_a_final_batch_waits_for_figures_that_are_final_and_come_to_its_certificate() -> None:
    ended = batch("completed", certificate=certificate(paid=5))
    assert domain.caught_up(ended, summary(completed=5))
    assert domain.caught_up(
        ended, summary(completed=4, reversed=1)
    )  # a return the next certificate will carry
    assert not domain.caught_up(ended, summary(completed=4, pending=1))
    assert not domain.caught_up(ended, summary())
    assert not domain.caught_up(ended, summary(completed=4))
    assert domain.caught_up(batch("paying"), summary(pending=5))


def test_before_the_approval_there_are_no_payments_and_nobody_need_be_asked() -> None:
    assert not any(domain.approved(batch(status)) for status in domain.BEFORE_APPROVAL)
    shown = domain.compose(batch("ready"), None, {"eta_s": 12})
    assert (
        shown["payments"]["total"],
        shown["payment_amount_cents"]["completed"],
        shown["eta_s"],
    ) == (0, 0, 12)


LINES = [
    Entry(
        f"2026-11-20T10:00:0{n}+00:00",
        "intent",
        f"r{n}",
        "demo-preparer",
        ("preparer",),
        "POST",
        "/api/v1/batches",
    )
    for n in range(4)
]


def chain(lines: list[Entry]) -> list[tuple[int, Entry, str, str]]:
    previous, made = domain.START, []
    for seq, line in enumerate(lines, 1):
        own = chained(previous, seq, line)
        made.append((seq, line, previous, own))
        previous = own
    return made


def test_a_chain_holds_and_every_change_of_it_is_found() -> None:
    assert first_broken([]) is None
    good = chain(LINES)
    assert first_broken(good) is None
    for n, (seq, line, previous, own) in enumerate(good):
        changed = [
            *good[:n],
            (seq, replace(line, person="demo-admin"), previous, own),
            *good[n + 1 :],
        ]
        assert first_broken(changed) == seq
    assert first_broken(good[1:]) == 1
    assert first_broken([good[0], good[2], good[3]]) == 2
    assert first_broken([good[0], good[2], good[1], good[3]]) == 2
    rewritten = [
        *good[:1],
        *[
            (s, e, p, chained(p, s, e))
            for s, e, p, _ in [(2, replace(LINES[1], person="x"), good[0][3], "")]
        ],
        *good[2:],
    ]
    assert first_broken(rewritten) == 3  # rehashed by hand: the line after it tells


def test_a_story_is_in_order_and_tells_nothing_twice() -> None:
    told = [
        {
            "at": "2026-11-20T10:00:00Z",
            "kind": "row",
            "title": "Row 1",
            "detail": "",
            "evidence": "r",
        },
        {
            "at": "2026-11-20T10:00:05.5Z",
            "kind": "journal",
            "title": "Money reserved",
            "detail": "",
            "evidence": "j1",
        },
    ]
    sent = payment_timeline.attempts(
        {
            "attempts": [
                {
                    "n": 1,
                    "first_sent_at": "2026-11-20T10:00:05.25+00:00",
                    "outcome": "accepted",
                    "idempotency_key": "key_1",
                    "http_status": 200,
                    "code": "",
                    "request_id": "req_1",
                }
            ]
        }
    )
    assert sent[0]["detail"] == "200 · req_1"
    posted = payment_timeline.journals(
        [
            {"journal_id": "j1", "kind": "hold", "posted_at": "2026-11-20T10:00:05.5Z"},
            {"journal_id": "j2", "kind": "settle", "posted_at": "2026-11-20T10:00:06Z"},
        ]
    )
    found = payment_timeline.issues(
        {
            "issues": [
                {
                    "code": "W_ZIP_STATE",
                    "file_row": 1,
                    "field": "zip",
                    "message": "The zip is in another state.",
                }
            ]
        },
        told,
    )
    lines = payment_timeline.joined(told, found, sent, posted)
    assert [(line["kind"], line["evidence"]) for line in lines] == [
        ("row", "r"),
        ("issue", "W_ZIP_STATE"),
        ("attempt", "key_1"),
        ("journal", "j1"),
        ("journal", "j2"),
    ]
