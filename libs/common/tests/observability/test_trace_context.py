"""The header `traceparent`, and the trace that a batch is."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.observability.trace_context import (
    Context,
    batch_root,
    in_share,
    parse_header,
    unrecorded_header,
)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
BATCH = "11111111-2222-4333-8444-555555555555"
EVENT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


@pytest.mark.parametrize(
    ("text", "context"),
    [
        (f"00-{TRACE}-{SPAN}-01", Context(TRACE, SPAN, True)),
        (f"00-{TRACE}-{SPAN}-00", Context(TRACE, SPAN, False)),
        (f"00-{TRACE}-{SPAN}-03", Context(TRACE, SPAN, True)),
        (f"cc-{TRACE}-{SPAN}-01-what-comes-later", Context(TRACE, SPAN, True)),
    ],
)
def test_a_header_of_w3c_is_read(text: str, context: Context) -> None:
    assert parse_header(text) == context


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        "00-١" + TRACE[1:] + f"-{SPAN}-01",
    ],
)
def test_a_malformed_one_is_ignored(text: str) -> None:
    assert parse_header(text) is None


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    context = parse_header(text)
    assert context is None or parse_header(context.header()) == context


def test_a_context_is_written_as_it_is_read() -> None:
    for context in (Context(TRACE, SPAN), Context(TRACE, SPAN, False)):
        assert parse_header(context.header()) == context


def test_the_batch_is_the_trace() -> None:
    assert batch_root(BATCH) == Context("11111111222243338444555555555555", "1111111122224333")
    assert (
        unrecorded_header(BATCH, EVENT) == "00-11111111222243338444555555555555-aaaaaaaabbbbcccc-00"
    )
    assert unrecorded_header("", EVENT) == "00-aaaaaaaabbbbccccddddeeeeeeeeeeee-aaaaaaaabbbbcccc-00"


@pytest.mark.parametrize(
    "text", ["", "not a batch", "None", "00000000-0000-0000-0000-000000000001"]
)
def test_what_names_no_batch_has_no_trace(text: str) -> None:
    assert batch_root(text) is None


def test_a_share_of_random_batches_is_about_that_share_and_always_the_same() -> None:
    traces = [uuid4().hex for _ in range(4_000)]
    kept = [in_share(trace, 0.25) for trace in traces]
    assert 800 < sum(kept) < 1_200  # a quarter; by the variant's bits of a UUID it would be none
    assert kept == [in_share(trace, 0.25) for trace in traces]
    assert all(in_share(trace, 1.0) for trace in traces)
    assert not any(in_share(trace, 0.0) for trace in traces)
