"""A collector of OpenTelemetry's spans (OTLP over HTTP) on loopback, which keeps them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from devtools.stack.ports import HOST


@dataclass(frozen=True)
class CollectedSpan:
    """A span as it arrived; ids in hex, links as (trace, span), times in ns since 1970."""

    service: str
    name: str
    kind: int
    trace: str
    span: str
    parent: str
    began_ns: int
    ended_ns: int
    attributes: dict[str, str | int] = field(hash=False)
    links: tuple[tuple[str, str], ...]
    failed: bool


class Collector:
    """The requests that arrived, and their spans. `status` is what it answers."""

    def __init__(self) -> None:
        self.bodies, self.status, self.lock = list[bytes](), 200, threading.Lock()
        self.parsed, self.found = 0, list[CollectedSpan]()

    def spans(self) -> list[CollectedSpan]:
        """All spans so far."""
        with self.lock:
            for body in self.bodies[self.parsed :]:
                self.found += list(spans(body))
            self.parsed = len(self.bodies)
            return list(self.found)

    def of(self, trace: str) -> list[CollectedSpan]:
        """The spans of one trace."""
        return [span for span in self.spans() if span.trace == trace]


def spans(body: bytes) -> Iterator[CollectedSpan]:
    """The spans in one request."""
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = next(
            a.value.string_value for a in group.resource.attributes if a.key == "service.name"
        )
        for one in (one for scope in group.scope_spans for one in scope.spans):
            attributes: dict[str, str | int] = {
                a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in one.attributes
            }
            links = tuple((link.trace_id.hex(), link.span_id.hex()) for link in one.links)
            yield CollectedSpan(
                service,
                one.name,
                one.kind,
                one.trace_id.hex(),
                one.span_id.hex(),
                one.parent_span_id.hex(),
                one.start_time_unix_nano,
                one.end_time_unix_nano,
                attributes,
                links,
                one.status.code == one.status.STATUS_CODE_ERROR,
            )


@contextmanager
def collecting() -> Iterator[tuple[str, Collector]]:
    """A collector and its address."""
    made = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces" and made.status == 200:
                with made.lock:
                    made.bodies.append(body)
            self.send_response(made.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}", made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
