"""Send spans to an OpenTelemetry collector, with OpenTelemetry's SDK and its OTLP exporter.

This is the only file that loads them, and only `start_export` is called, if a setting names a
collector. A bounded queue and a thread of its own stand between: when the collector is slow or
away, spans are dropped, oldest first.
"""

import logging
import threading
from collections.abc import Sequence

import requests
from opentelemetry.context import Context as SdkContext
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

TRACES_PATH = "/v1/traces"
KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}


class ChosenIds(RandomIdGenerator):
    """Gives the SDK the ids we chose: others refer to a span before it is recorded."""

    def __init__(self) -> None:
        self.next = threading.local()

    def generate_trace_id(self) -> int:
        """The chosen trace."""
        return int(self.next.at.trace, 16)

    def generate_span_id(self) -> int:
        """The chosen span."""
        return int(self.next.at.span, 16)


class LoggedExporter(SpanExporter):
    """An exporter that logs one line when it begins to fail and one when it works again."""

    def __init__(self, inner: SpanExporter) -> None:
        self.inner, self.failing = inner, False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; those that cannot be sent are lost."""
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
        """Flush the inner exporter; nothing is buffered here."""
        return self.inner.force_flush(timeout_millis)


class OtlpRecorder:
    """A Recorder that sends spans to a collector.

    The SDK reads `OTEL_EXPORTER_OTLP_*`, `OTEL_BSP_*` and `OTEL_RESOURCE_ATTRIBUTES`.
    """

    def __init__(self, service: str, exporter: SpanExporter) -> None:
        self.ids = ChosenIds()
        self.provider = TracerProvider(
            ALWAYS_ON,
            Resource.create({"service.name": service, "service.namespace": "paydown"}),
            shutdown_on_exit=False,
            id_generator=self.ids,
        )
        self.provider.add_span_processor(BatchSpanProcessor(LoggedExporter(exporter)))
        self.tracer = self.provider.get_tracer("paydown")

    def record(self, span: Span) -> None:
        """Put a span into the queue."""
        around = SdkContext()
        if span.parent is not None:
            around = set_span_in_context(NonRecordingSpan(span_context(span.parent)), around)
        self.ids.next.at = span.at
        made = self.tracer.start_span(
            span.name,
            around,
            KINDS[span.kind],
            dict(span.attributes),
            [Link(span_context(one)) for one in span.links],
            span.began_ns,
        )
        if span.error:
            made.set_status(Status(StatusCode.ERROR))
            made.set_attribute(tracing.ERROR, span.error)
        made.end(span.ended_ns)

    def stop(self, limit_s: float) -> None:
        """Send what is queued; what is not sent in time is lost."""
        thread = threading.Thread(target=self.provider.shutdown, name="traces", daemon=True)
        thread.start()
        thread.join(limit_s)


def span_context(context: Context) -> SpanContext:
    """A context in the SDK's form."""
    return SpanContext(
        int(context.trace, 16),
        int(context.span, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if context.sampled else 0),
    )


def traces_address(url: str) -> str:
    """The address spans are posted to: the collector's with OTLP's path.

    A URL that ends with the path already is used as it is, as `OTEL_EXPORTER_OTLP_ENDPOINT` is.
    """
    return url if url.rstrip("/").endswith(TRACES_PATH) else url.rstrip("/") + TRACES_PATH


def start_export(service: str, url: str, share: float) -> None:
    """Record this process's spans and send them to the collector at `url`.

    The collector need not be there. Both libraries would log every failure, with the address in
    a traceback, so their logs are switched off.
    """
    for library in ("opentelemetry", "urllib3"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    session = requests.Session()
    session.trust_env = False  # the environment's proxies are not for the collector
    exporter = OTLPSpanExporter(traces_address(url), session=session)
    tracing.start(OtlpRecorder(service, exporter), share)
