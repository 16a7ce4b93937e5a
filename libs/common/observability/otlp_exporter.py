"""Where spans go: OpenTelemetry's SDK and its OTLP exporter. The only file that loads them; `begin` is called only if a setting names a collector.

A bounded queue and a thread of its own stand between: when the collector is slow or away, spans are dropped, oldest first.
"""

import logging
import threading
from collections.abc import Sequence

import requests
from opentelemetry.context import Context as Surroundings
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from libs.common.observability import tracing
from libs.common.observability.logs import log
from libs.common.observability.trace_context import Context
from libs.common.observability.tracing import Span

PATH = "/v1/traces"
KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}


class Named(RandomIdGenerator):
    """Ids that were chosen before: a span's place is told to others before it is recorded."""

    def __init__(self) -> None:
        self.next = threading.local()

    def generate_trace_id(self) -> int:
        """The chosen trace."""
        return int(self.next.at.trace, 16)

    def generate_span_id(self) -> int:
        """The chosen span."""
        return int(self.next.at.span, 16)


class Sending(SpanExporter):
    """The exporter, whose failures are one line in the log when they begin and one when they end."""

    def __init__(self, inner: SpanExporter) -> None:
        self.inner, self.failing = inner, False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send some; those that cannot be sent are lost."""
        result = self.inner.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed != self.failing:
            self.failing = failed
            log.warning("traces_not_taken" if failed else "traces_taken_again", count=len(spans))
        return result

    def shutdown(self) -> None:
        """Close the connection."""
        self.inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is kept here."""
        return self.inner.force_flush(timeout_millis)


class Otlp:
    """A Recorder that sends spans to a collector. `OTEL_EXPORTER_OTLP_*`, `OTEL_BSP_*` and `OTEL_RESOURCE_ATTRIBUTES` are obeyed."""

    def __init__(self, service: str, exporter: SpanExporter) -> None:
        self.ids = Named()
        self.provider = TracerProvider(
            ALWAYS_ON,
            Resource.create({"service.name": service, "service.namespace": "paydown"}),
            shutdown_on_exit=False,
            id_generator=self.ids,
        )
        self.provider.add_span_processor(BatchSpanProcessor(Sending(exporter)))
        self.tracer = self.provider.get_tracer("paydown")

    def record(self, span: Span) -> None:
        """Put one into the queue."""
        around = (
            Surroundings()
            if span.parent is None
            else set_span_in_context(NonRecordingSpan(place(span.parent)), Surroundings())
        )
        self.ids.next.at = span.at
        made = self.tracer.start_span(
            span.name,
            around,
            KINDS[span.kind],
            dict(span.attributes),
            [Link(place(one)) for one in span.links],
            span.began_ns,
        )
        if span.error:
            made.set_status(Status(StatusCode.ERROR))
            made.set_attribute(tracing.ERROR, span.error)
        made.end(span.ended_ns)

    def stop(self, limit_s: float) -> None:
        """Send what waits; whatever is not sent in time is lost."""
        thread = threading.Thread(target=self.provider.shutdown, name="traces", daemon=True)
        thread.start()
        thread.join(limit_s)


def place(context: Context) -> SpanContext:
    """A context as the SDK has it."""
    return SpanContext(
        int(context.trace, 16),
        int(context.span, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if context.sampled else 0),
    )


def address(url: str) -> str:
    """Where spans are posted to: the collector's address with OTLP's path, as of `OTEL_EXPORTER_OTLP_ENDPOINT`, or the whole address if it has that already."""
    return url if url.rstrip("/").endswith(PATH) else url.rstrip("/") + PATH


def begin(service: str, url: str, share: float) -> None:
    """Record this process's spans and send them to the collector at `url`; it need not be there."""
    logging.getLogger("opentelemetry").setLevel(
        logging.CRITICAL + 1
    )  # it would write of every failure, with the address in a traceback
    logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)
    session = requests.Session()
    session.trust_env = False  # proxies of the environment do not concern it
    tracing.start(Otlp(service, OTLPSpanExporter(address(url), session=session)), share)
