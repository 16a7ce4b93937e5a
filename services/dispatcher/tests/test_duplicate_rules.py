"""Which payment in the provider's list is ours, and which are there twice."""

from typing import Any

import pytest

from services.dispatcher.domain.duplicates import (
    PaymentSnapshot,
    choose_payment,
    find_duplicates,
)


def line(pmt: str, status: str = "pending", attempt: int = 1) -> dict[str, Any]:
    return {"id": pmt, "status": status, "metadata": {"payment_id": "p", "attempt": str(attempt)}}


@pytest.mark.parametrize(
    ("ours", "lines", "bind", "cancel"),
    [
        (
            PaymentSnapshot("pending", "pmt_2"),
            [line("pmt_1"), line("pmt_2"), line("pmt_3")],
            "",
            ("pmt_1", "pmt_3"),
        ),
        (
            PaymentSnapshot("pending", "pmt_1"),
            [line("pmt_1"), line("pmt_2", "sent")],
            "pmt_2",
            ("pmt_1",),
        ),
        (
            PaymentSnapshot("pending", "pmt_1"),
            [line("pmt_1", "processing"), line("pmt_2", "sent")],
            "",
            (),
        ),
        (
            PaymentSnapshot("pending", "pmt_1"),
            [line("pmt_1", "canceled"), line("pmt_2")],
            "pmt_2",
            (),
        ),
        (PaymentSnapshot("pending", "pmt_9"), [line("pmt_1"), line("pmt_2")], "", ()),
        (
            PaymentSnapshot("completed", "pmt_1"),
            [line("pmt_1", "posted"), line("pmt_2")],
            "",
            ("pmt_2",),
        ),
        (PaymentSnapshot("unprocessed"), [line("pmt_1")], "pmt_1", ()),
        (
            PaymentSnapshot("unprocessed"),
            [line("pmt_1"), line("pmt_2", "processing")],
            "pmt_2",
            ("pmt_1",),
        ),
        (PaymentSnapshot("cancelled"), [line("pmt_1")], "", ("pmt_1",)),
        (
            PaymentSnapshot("failed", "pmt_1"),
            [line("pmt_1", "failed"), line("pmt_2")],
            "",
            ("pmt_2",),
        ),
        (
            PaymentSnapshot("failed", "pmt_1"),
            [line("pmt_1", "failed"), line("pmt_2", "sent")],
            "",
            (),
        ),
        (PaymentSnapshot("in_doubt"), [line("pmt_1"), line("pmt_2")], "", ()),
    ],
)
def test_what_is_alive_where_it_should_not_be(
    ours: PaymentSnapshot, lines: list[dict[str, Any]], bind: str, cancel: tuple[str, ...]
) -> None:
    (duplicate,) = find_duplicates(lines, {"p": ours})
    assert (duplicate.bind, duplicate.cancel) == (bind, cancel)


@pytest.mark.parametrize(
    ("ours", "lines"),
    [
        (PaymentSnapshot("pending", "pmt_1"), [line("pmt_1"), line("pmt_2", "failed")]),
        (PaymentSnapshot("completed", "pmt_1"), [line("pmt_1", "sent")]),
        (PaymentSnapshot("in_doubt"), [line("pmt_1")]),
        (PaymentSnapshot("failed", "pmt_1"), [line("pmt_1", "failed")]),
        (PaymentSnapshot("unprocessed"), [line("pmt_1", "canceled")]),
        (PaymentSnapshot("cancelled"), [{"id": "pmt_1", "status": "sent", "metadata": ["p"]}]),
    ],
)
def test_what_is_alive_once_is_no_duplicate(
    ours: PaymentSnapshot, lines: list[dict[str, Any]]
) -> None:
    assert find_duplicates(lines, {"p": ours}) == []


def test_the_payment_to_bind_is_a_live_one_then_this_attempts() -> None:
    dead, other, early = (
        line("pmt_1", "failed", 2),
        line("pmt_2", "sent", 1),
        line("pmt_3", "failed", 1),
    )
    assert choose_payment([dead, other, early], "p", 2, "") is other
    assert choose_payment([early, dead], "p", 2, "") is dead
    assert choose_payment([early], "p", 2, "") is None
    assert choose_payment([early], "p", 2, "pmt_3") is early
    assert choose_payment([other], "q", 1, "") is None
