"""Answers as bytes: whatever a provider sends has a meaning, and never ends the process."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from threading import Event as Stop
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dispatcher.domain.protocol import Answer, Timing, Verdict, classify
from services.dispatcher.provider.client import (
    UNCOUNTED,
    Provider,
    Unreachable,
    parse_payment,
)
from services.dispatcher.provider.reader import Reader
from services.dispatcher.sending.worker import Call, Worker

EXPECTED = {"amount": 5, "metadata": {"payment_id": "p"}}


@dataclass
class FixedProvider(Provider):
    """A provider that always answers the same."""

    answering: Callable[[], httpx.Response] = field(kw_only=True)

    def __post_init__(self) -> None:
        self.client = httpx.Client(
            base_url=self.url,
            transport=httpx.MockTransport(lambda _: self.answering()),
            trust_env=False,
        )


def answering_provider(
    content: bytes, status: int = 200, headers: dict[str, str] | None = None
) -> Provider:
    """A provider that always answers this."""
    given = {name.encode(): value.encode("latin-1") for name, value in (headers or {}).items()}
    return FixedProvider(
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
    answer, _ = answering_provider(content).send("POST", "/payments", b"{}", "k")
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
    provider = answering_provider(
        json.dumps({"data": body}).encode(), 200 if status < 200 else status, headers
    )
    answer, _ = provider.send("POST", "/payments", b"{}", "k")
    assert classify(answer, EXPECTED, "pmt_") is not Verdict.ACCEPTED
    texts = [answer.sub_type, answer.message, answer.request_id]
    if answer.data is not None:
        seen = parse_payment(answer.data)
        texts += [
            seen.status,
            seen.reason,
            seen.reason_code,
            seen.source_trace_id,
            seen.destination_trace_id,
            seen.reversal_id,
        ]
    assert all("\x00" not in text and text.encode() is not None for text in texts)
    with suppress(Unreachable):
        provider.list("/payments", {})


def test_what_cannot_be_stored_is_taken_out_of_texts() -> None:
    body = b'{"data": {"error": {"sub_type": "A\\u0000B", "message": "x\\ud800y"}}}'
    answer, _ = answering_provider(body, 400).send("POST", "/payments", b"{}", "k")
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
        answering_provider(b'{"data": [{"id": "pmt_1"}]}', headers=headers)
        .list("/payments", {})
        .total
        == total
    )


@pytest.mark.parametrize(
    "content", [b"<html>", b'{"data": {}}', b'{"data": [7]}', b'{"data": [{"id": null}]}']
)
def test_a_list_that_is_none_is_no_page(content: bytes) -> None:
    with pytest.raises(Unreachable):
        answering_provider(content, headers={"pagination-total-count": "0"}).list("/payments", {})


def test_a_wait_the_provider_asks_for_has_an_end() -> None:
    answer, _ = answering_provider(b"{}", 429, {"retry-after": "999999999"}).send(
        "POST", "/payments", b"{}", "k"
    )
    assert answer.retry_after_s == 3_600
    assert (
        answering_provider(b"{}", 429, {"retry-after": "\u00b2"})
        .send("POST", "/payments", b"{}", "k")[0]
        .retry_after_s
        == 0
    )


class NoDatabase:
    """An engine whose transactions do nothing."""

    @contextmanager
    def begin(self) -> Iterator[None]:
        yield None


class OneCall:
    """A sender of one call, whose lease takes `lease_takes_s` seconds."""

    name = "one"
    timing = Timing(timeout_s=0.2, grace_s=10.0)

    def __init__(self, stop: Stop, lease_takes_s: float) -> None:
        self.stop, self.lease_takes_s = stop, lease_takes_s
        self.answers = list[Answer]()
        self.is_leased = False

    def lease_calls(self, connection: Any, limit: int) -> Sequence[Call]:
        if self.is_leased:
            return []
        self.is_leased = True
        self.stop.wait(self.lease_takes_s)
        return [Call(uuid4(), 1, 1, "/payments", uuid4(), "{}", "pmt_", {})]

    def record_answers(self, connection: Any, answers: Sequence[tuple[Call, Answer]]) -> None:
        self.answers += [answer for _, answer in answers]
        self.stop.set()


@dataclass
class CountingProvider(Provider):
    """A provider that answers every call with a 500, and counts them."""

    paths: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.url, trust_env=False)

    def send(self, method: str, path: str, *_: Any, **__: Any) -> tuple[Answer, None]:
        self.paths.append(path)
        return Answer(500), None


def worker(
    sender: OneCall, provider: Provider, check_database: Callable[[Any], object] = lambda _: None
) -> Worker:
    engine: Any = NoDatabase()
    return Worker(sender, engine, provider, 2, check_database)


@pytest.mark.parametrize(("lease_takes_s", "sent"), [(0.0, 1), (0.4, 0)])
def test_a_process_that_was_stopped_after_its_intent_does_not_send(
    lease_takes_s: float, sent: int
) -> None:
    provider = CountingProvider("http://provider", "sk_test", "2025-07-04", 1.0)
    stop = Stop()
    sender = OneCall(stop, lease_takes_s)
    worker(sender, provider).run(stop, lambda: None)
    assert (len(provider.paths), [answer.status for answer in sender.answers]) == (
        sent,
        [500 if sent else None],
    )


def test_what_was_leased_on_a_database_that_was_replaced_meanwhile_is_not_sent() -> None:
    class ProcessEnded(Exception):
        """Stands for the end of the process."""

    def find_another_database(_: Any) -> None:
        assert sender.is_leased, "checked before the lease, it would miss a restore during the wait"
        raise ProcessEnded

    provider = CountingProvider("http://provider", "sk_test", "2025-07-04", 1.0)
    stop = Stop()
    sender = OneCall(stop, 0.0)
    with pytest.raises(ProcessEnded):
        worker(sender, provider, find_another_database).run(stop, lambda: None)
    assert provider.paths == []


def test_a_walk_counts_only_with_as_many_lines_as_the_provider_says() -> None:
    class Counted(Reader):
        def permit(self, tier: str) -> None:
            assert tier == "reads"

    def walk(total: str) -> bool:
        return Counted(
            NoDatabase(),  # type: ignore[arg-type] # a fake acts as one
            answering_provider(
                b'{"data": [{"id": "pmt_1"}]}', headers={"pagination-total-count": total}
            ),
            Stop(),
            lambda: None,
        ).all("/payments", {})[1]

    assert walk("1")
    assert not walk("2")
    assert not walk("")


@pytest.mark.parametrize(("ahead_s", "words"), [(0, ""), (-40, "behind"), (40, "ahead of")])
def test_the_providers_clock_is_compared_by_its_answers(ahead_s: int, words: str) -> None:
    date = formatdate(time.time() + ahead_s, usegmt=True)
    provider = answering_provider(b'{"data": {}}', headers={"Date": date})
    assert provider.clock.check() == {}  # nothing is known, and nothing is said
    for _ in range(3):
        provider.send("GET", "/ping")
    found = provider.clock.check()["clock of the provider"]
    assert (words in found) if words else found == ""
