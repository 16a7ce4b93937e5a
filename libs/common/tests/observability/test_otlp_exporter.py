"""What OpenTelemetry's SDK makes of our spans; a collector that is away costs nothing."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

from libs.common.observability import otlp_exporter, tracing
from libs.common.observability.trace_context import Context, batch_root
from libs.common.observability.tracing import Span

BATCH = "11111111-2222-4333-8444-555555555555"
FIRST = Context("11111111222243338444555555555555", "1111111122224333")


class Remembering(SpanExporter):
    """Remembers what it is given, and answers `result`."""

    def __init__(self) -> None:
        self.spans, self.result = list[ReadableSpan](), SpanExportResult.SUCCESS

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return self.result

    def shutdown(self) -> None:
        """Nothing."""


def span(at: Context = FIRST, parent: Context | None = None, **more: object) -> Span:
    return Span(
        "read roster",
        "internal",
        at,
        parent,
        1_000_000_000,
        3_000_000_000,
        {"paydown.batch_id": BATCH},
        **more,  # type: ignore[arg-type] # fields of any type
    )


def recorded(*spans: Span) -> list[ReadableSpan]:
    exporter = Remembering()
    otlp = otlp_exporter.OtlpRecorder("ledger", exporter)
    for one in spans:
        otlp.record(one)
    otlp.stop(5.0)
    return exporter.spans


def test_a_span_has_the_ids_that_others_refer_to_already() -> None:
    child = Context(FIRST.trace, "aaaaaaaaaaaaaaaa")
    link = Context("e" * 32, "f" * 16)
    upload, inner = recorded(span(), span(child, FIRST, links=(link,), error="Reject"))
    assert upload.context
    assert inner.context
    assert inner.parent
    assert (f"{upload.context.trace_id:032x}", f"{upload.context.span_id:016x}", upload.parent) == (
        FIRST.trace,
        FIRST.span,
        None,
    )
    assert (f"{inner.context.trace_id:032x}", f"{inner.context.span_id:016x}") == (
        child.trace,
        child.span,
    )
    assert f"{inner.parent.span_id:016x}" == FIRST.span
    assert [f"{one.context.span_id:016x}" for one in inner.links] == [link.span]
    assert (upload.start_time, upload.end_time, upload.status.status_code) == (
        1_000_000_000,
        3_000_000_000,
        StatusCode.UNSET,
    )
    assert inner.status.status_code is StatusCode.ERROR
    assert dict(inner.attributes or {}) == {"paydown.batch_id": BATCH, "error.type": "Reject"}
    assert {
        key: upload.resource.attributes[key] for key in ("service.name", "service.namespace")
    } == {"service.name": "ledger", "service.namespace": "paydown"}


@pytest.mark.parametrize(
    ("given", "posted_to"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://collector:4318/", "http://collector:4318/v1/traces"),
        ("https://vendor.example/otlp", "https://vendor.example/otlp/v1/traces"),
        ("http://collector:4318/v1/traces", "http://collector:4318/v1/traces"),
    ],
)
def test_the_address_is_written_as_in_otel_exporter_otlp_endpoint(
    given: str, posted_to: str
) -> None:
    assert otlp_exporter.traces_address(given) == posted_to


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("where", ["silent", "nobody"])
def test_a_collector_that_is_away_is_never_waited_for(
    where: str, request: pytest.FixtureRequest
) -> None:
    """It runs in a process of its own.

    The exporter's thread tries again for minutes, and draws its pauses from the random numbers
    that other tests have seeded.
    """
    url = request.getfixturevalue("silent") if where == "silent" else "http://127.0.0.1:1"
    output = subprocess.run(
        [sys.executable, "-c", AWAY.format(url=url)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    recording_s, stopping_s = map(float, output.split())
    assert recording_s < 5.0  # less than one of its time-outs, for all of them
    assert stopping_s < 2.0


AWAY = """
import time
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from libs.common.observability import otlp_exporter
from libs.common.tests.observability.test_otlp_exporter import span
exporter = OTLPSpanExporter(otlp_exporter.traces_address("{url}"))
otlp = otlp_exporter.OtlpRecorder("ledger", exporter)
began = time.monotonic()
for _ in range(5_000):  # more than twice what the queue holds
    otlp.record(span())
recorded = time.monotonic()
otlp.stop(0.3)
print(recorded - began, time.monotonic() - recorded)
"""


def test_a_collector_that_refuses_is_logged_once() -> None:
    inner = Remembering()
    sending = otlp_exporter.LoggedExporter(inner)
    with structlog.testing.capture_logs() as logged:
        for result in (
            SpanExportResult.FAILURE,
            SpanExportResult.FAILURE,
            SpanExportResult.SUCCESS,
            SpanExportResult.SUCCESS,
        ):
            inner.result = result
            assert sending.export([]) is result
    assert [line["event"] for line in logged] == ["traces_not_taken", "traces_taken_again"]


def test_begin_switches_recording_on_and_stop_off_again() -> None:
    otlp_exporter.start_export("ledger", "http://127.0.0.1:1", 0.0)
    assert tracing.is_on()
    assert tracing.recorded_batch(BATCH) is None  # its share
    tracing.stop(0.1)
    assert not tracing.is_on()
    assert batch_root(BATCH) == FIRST


@pytest.mark.parametrize(("url", "loaded"), [("", False), ("http://127.0.0.1:1", True)])
def test_the_sdk_is_loaded_only_where_a_setting_asks_for_it(url: str, loaded: bool) -> None:
    """The program builds a service as it would be served."""
    output = subprocess.run(
        [sys.executable, "-c", SERVICE.format(url=url)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert output.split() == [str(loaded)] * 3


SERVICE = """
import sys
from pathlib import Path
from services.ledger import app
from libs.common.observability import tracing
from libs.common.runtime.service import Service
from services.ledger.settings import LedgerSettings
made = Service(
    "ledger",
    LedgerSettings(
        database_url="postgresql+psycopg2://r:p@127.0.0.1:1/none",
        internal_token="0123456789abcdef",
        traces_url="{url}",
    ),
    app.MIGRATIONS,
)
made._start_tracing()
loaded = any(name.startswith("opentelemetry.sdk") for name in sys.modules)
middleware = [m.cls.__name__ for m in made.app().user_middleware]
print(loaded, tracing.is_on(), "RequestTracing" in middleware)
"""
