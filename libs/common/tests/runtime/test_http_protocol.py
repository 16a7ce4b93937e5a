"""A head and trailers that do not end are answered with 400; bodies and further requests are not
counted.
"""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from libs.common.runtime.http_protocol import HEAD_MAX, BoundedHeadProtocol
from libs.common.runtime.service import Service
from libs.common.testing.http_server import served
from libs.common.tests.runtime.test_service import Example

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{len(await request.body())} bytes")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = Starlette(routes=[Route("/", length, methods=["GET", "POST"])])
    with served(app) as port:
        yield port


def answers(port: int, *pieces: bytes) -> bytes:
    found = b""
    with socket.create_connection(("127.0.0.1", port), 4) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            while b"bytes" not in found[-8:] and (piece := connection.recv(65_536)):
                found += piece
        except ConnectionError:  # refused, and closed before all was sent
            return found
    return found


@pytest.mark.parametrize("begin", [GET + b"X: ", b"GET /"])
def test_a_head_without_an_end_is_400(port: int, begin: bytes) -> None:
    found = answers(port, begin, b"a" * (16 * HEAD_MAX))
    assert found.startswith(b"HTTP/1.1 400") or not found


def test_a_body_is_not_counted_and_another_request_may_follow(port: int) -> None:
    post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (16 * HEAD_MAX)
    assert answers(port, post, b"a" * (16 * HEAD_MAX)).endswith(b"1048576 bytes")
    many = (GET + b"X: " + b"a" * 8_000 + b"\r\n\r\n") * 12
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(many)
        found = b""
        while found.count(b"0 bytes") < 12 and (piece := connection.recv(65_536)):
            found += piece
    assert found.count(b"200 OK") == 12


@pytest.mark.parametrize(
    "trailers", [b"X: " + b"a" * (64 * HEAD_MAX), b"X: a\r\n" * 400_000], ids=["one", "many"]
)
def test_trailers_without_an_end_are_400_and_no_more_is_read(port: int, trailers: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), 4) as connection:
        connection.sendall(CHUNKED)
        with suppress(ConnectionError):  # closed before all was sent
            connection.sendall(trailers)
        with suppress(ConnectionError):
            assert connection.recv(65_536).startswith(b"HTTP/1.1 400")
            assert not connection.recv(65_536)


def test_trailers_that_end_are_taken_and_another_request_may_follow(port: int) -> None:
    request = CHUNKED + b"X: " + b"a" * 8_000 + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), 4) as connection:
        for _ in range(12):  # together more than the limit of one
            found = b""
            connection.sendall(request)
            while not found.endswith(b"1 bytes") and (piece := connection.recv(65_536)):
                found += piece
            assert found.startswith(b"HTTP/1.1 200")


def test_a_large_body_in_small_chunks_is_not_counted(port: int) -> None:
    head = CHUNKED.removesuffix(b"1\r\na\r\n0\r\n")
    chunks = [b"10\r\n" + b"a" * 16 + b"\r\n"] * (2 * HEAD_MAX // 16)
    assert answers(port, head, *chunks, b"0\r\n\r\n").endswith(b"%d bytes" % (2 * HEAD_MAX))


def test_services_are_served_with_the_limit() -> None:
    settings = Example(
        database_url="postgresql+psycopg2://x@127.0.0.1:1/x", internal_token="0" * 16
    )
    assert Service("example", settings, Path()).server_config().http is BoundedHeadProtocol
