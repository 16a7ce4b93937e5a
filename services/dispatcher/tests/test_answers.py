"""Answers as bytes: whatever a provider sends becomes an answer with a meaning, and never an end of the process."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event as Stop
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dispatcher.domain.protocol import Answer, Timing, Verdict, classify
from services.dispatcher.provider.client import UNCOUNTED, Provider, Unreachable, shown
from services.dispatcher.provider.reader import Reader
from services.dispatcher.sending.worker import Call, pump

EXPECTED = {"amount": 5, "metadata": {"payment_id": "p"}}


@dataclass
class Said(Provider):
    """A provider that always answers the same."""

    answering: Callable[[], httpx.Response] = field(kw_only=True)

    def __post_init__(self) -> None:
        self.client = httpx.Client(
            base_url=self.url,
            transport=httpx.MockTransport(lambda _: self.answering()),
            trust_env=False,
        )


def saying(content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Provider:
    """A provider that always answers this."""
    given = {name.encode(): value.encode("latin-1") for name, value in (headers or {}).items()}
    return Said(
        "http://provider",
        "sk_test",
        "2025-07-04",
        1.0,
        answering=lambda: httpx.Response(status, content=content, headers=given),
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>maintenance</html>",
        b"[]",
        b"7",
        b"null",
        b'{"data": null}',
        b'{"data": []}',
        b'{"data": {"id": 7}}',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"data": {"id": "pmt_1", "amount": "5"}}',
        b'{"data": {"id": "pmt_1", "amount": 5, "metadata": "p"}}',
    ],
)
def test_a_200_that_cannot_be_read_is_never_an_acceptance(content: bytes) -> None:
    answer, _ = saying(content).send("POST", "/payments", b"{}", "k")
    assert classify(answer, EXPECTED, "pmt_") is Verdict.MISMATCH


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["retry-after", "date", "idem-status", "pagination-total-count"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126)),
    ),
)
@settings(max_examples=150, deadline=None)
def test_any_body_and_any_header_become_an_answer_that_can_be_stored(
    body: Any, status: int, headers: dict[str, str]
) -> None:
    provider = saying(json.dumps({"data": body}).encode(), 200 if status < 200 else status, headers)
    answer, _ = provider.send("POST", "/payments", b"{}", "k")
    assert classify(answer, EXPECTED, "pmt_") is not Verdict.ACCEPTED
    kept = [answer.sub_type, answer.message, answer.request_id]
    if answer.data is not None:
        seen = shown(answer.data)
        kept += [
            seen.status,
            seen.reason,
            seen.reason_code,
            seen.source_trace_id,
            seen.destination_trace_id,
            seen.reversal_id,
        ]
    assert all("\x00" not in text and text.encode() is not None for text in kept)
    with suppress(Unreachable):
        provider.list("/payments", {})


def test_what_cannot_be_stored_is_taken_out_of_texts() -> None:
    body = b'{"data": {"error": {"sub_type": "A\\u0000B", "message": "x\\ud800y"}}}'
    answer, _ = saying(body, 400).send("POST", "/payments", b"{}", "k")
    assert (answer.sub_type, answer.message) == ("AB", "x?y")


@pytest.mark.parametrize(
    ("headers", "total"),
    [
        ({}, UNCOUNTED),
        ({"pagination-total-count": "x"}, UNCOUNTED),
        ({"pagination-total-count": "1"}, 1),
    ],
)
def test_a_list_without_the_providers_total_is_complete_for_nobody(
    headers: dict[str, str], total: int
) -> None:
    assert (
        saying(b'{"data": [{"id": "pmt_1"}]}', headers=headers).list("/payments", {}).total == total
    )


@pytest.mark.parametrize(
    "content", [b"<html>", b'{"data": {}}', b'{"data": [7]}', b'{"data": [{"id": null}]}']
)
def test_a_list_that_is_none_is_no_page(content: bytes) -> None:
    with pytest.raises(Unreachable):
        saying(content, headers={"pagination-total-count": "0"}).list("/payments", {})


def test_a_wait_the_provider_asks_for_has_an_end() -> None:
    answer, _ = saying(b"{}", 429, {"retry-after": "999999999"}).send(
        "POST", "/payments", b"{}", "k"
    )
    assert answer.retry_after_s == 3_600
    assert (
        saying(b"{}", 429, {"retry-after": "\u00b2"})
        .send("POST", "/payments", b"{}", "k")[0]
        .retry_after_s
        == 0
    )


class NoDatabase:
    """An engine whose transactions do nothing."""

    @contextmanager
    def begin(self) -> Iterator[None]:
        yield None


class One:
    """One piece of work whose claim takes so long (seconds)."""

    name = "one"
    timing = Timing(timeout_s=0.2, grace_s=10.0)

    def __init__(self, stop: Stop, stands_still_s: float) -> None:
        self.stop, self.stands_still_s, self.answers, self.claimed = (
            stop,
            stands_still_s,
            list[Answer](),
            False,
        )

    def claim(self, _: Any, __: int) -> Sequence[Call]:
        if self.claimed:
            return []
        self.claimed = True
        self.stop.wait(self.stands_still_s)
        return [Call(uuid4(), 1, 1, "/payments", uuid4(), "{}", "pmt_", {})]

    def settle(self, _: Any, answers: Sequence[tuple[Call, Answer]]) -> None:
        self.answers += [answer for _, answer in answers]
        self.stop.set()


@pytest.mark.parametrize(("stands_still_s", "sent"), [(0.0, 1), (0.4, 0)])
def test_a_process_that_stood_still_after_its_intent_does_not_send(
    stands_still_s: float, sent: int
) -> None:
    stop, calls = Stop(), list[str]()
    provider = saying(b"{}")
    provider.send = lambda method, path, *_: (calls.append(path) or Answer(500), None)  # type: ignore[func-returns-value,method-assign]  # a stand-in
    work = One(stop, stands_still_s)
    pump(work, NoDatabase(), provider, 2, stop, lambda: None, lambda _: None)  # type: ignore[arg-type]  # a stand-in for an engine
    assert (len(calls), [answer.status for answer in work.answers]) == (
        sent,
        [500 if sent else None],
    )


def test_what_was_claimed_on_a_database_that_was_replaced_meanwhile_is_not_sent() -> None:
    class Ended(Exception):
        """Stands for the end of the process."""

    def other(_: Any) -> None:
        assert work.claimed, (
            "asked before the claim, it would miss what comes while the claim waits"
        )
        raise Ended

    stop, calls = Stop(), list[str]()
    provider = saying(b"{}")
    provider.send = lambda method, path, *_: (calls.append(path) or Answer(500), None)  # type: ignore[func-returns-value,method-assign]  # a stand-in
    work = One(stop, 0.0)
    with pytest.raises(Ended):
        pump(work, NoDatabase(), provider, 2, stop, lambda: None, other)  # type: ignore[arg-type]  # a stand-in for an engine
    assert calls == []


def test_a_walk_counts_only_with_as_many_lines_as_the_provider_says() -> None:
    class Counted(Reader):
        def permit(self, tier: str) -> None:
            assert tier == "reads"

    def walk(total: str) -> bool:
        return Counted(
            NoDatabase(),  # type: ignore[arg-type]
            saying(b'{"data": [{"id": "pmt_1"}]}', headers={"pagination-total-count": total}),
            Stop(),
            lambda: None,
        ).all("/payments", {})[1]

    assert walk("1")
    assert not walk("2")
    assert not walk("")
