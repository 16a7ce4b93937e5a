"""The proxy does what its figures say; without Kafka or PostgreSQL."""

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.chaos.proxy import UnreliableProxy, serving

BODY = b"x" * 400


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@pytest.mark.parametrize(
    ("shares", "answers"),
    [
        ((0.0, 0.0, 0.0), {"200": 5}),
        ((1.0, 0.0, 0.0), {"200": 5}),
        ((0.0, 1.0, 0.0), {"RemoteProtocolError": 5}),
        ((0.0, 0.0, 1.0), {"ReadError": 5}),
    ],
)
def test_answers_are_dripped_dropped_and_reset(
    shares: tuple[float, float, float], answers: dict[str, int]
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    proxy = UnreliableProxy(1, *shares)
    proxy.upstream_port = server.server_address[1]
    found: Counter[str] = Counter()
    with serving(proxy) as port:
        for _ in range(5):
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/", timeout=10)
                assert answer.content == BODY
                found[str(answer.status_code)] += 1
            except httpx.HTTPError as error:
                found[type(error).__name__] += 1
    server.shutdown()
    assert found == answers
    assert sum(proxy.done.values()) >= 5 * sum(shares)
