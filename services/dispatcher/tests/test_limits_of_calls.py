"""Limits of calls and walks: an answer that drips, a cursor that repeats, a list without end."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event as Stop
from typing import Any

import httpcore
import pytest

from services.dispatcher.domain.protocol import Answer
from services.dispatcher.provider.client import Page, Provider, Unreachable
from services.dispatcher.provider.reader import Reader, Walk
from services.dispatcher.provider.time_limit import LimitedBackend, remaining, total_limit

LIMIT_S = 0.6
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n"
BODY = HEAD + b"\r\n"


@contextmanager
def dripping_server(begin: bytes, drip: bytes) -> Iterator[str]:
    """A server that answers with these bytes and then with a drop each tenth of a second."""
    server, ended = socket.create_server(("127.0.0.1", 0)), Stop()

    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(begin)
            while not ended.wait(0.1):
                try:
                    connection.sendall(drip)
                except OSError:
                    return

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        ended.set()
        thread.join()
        server.close()


@pytest.mark.parametrize(
    ("begin", "drip"),
    [(b"H", b""), (HEAD, b"X-Drop: 1\r\n"), (BODY, b" "), (b"", b"HTTP/1.1 102 Wait\r\n\r\n")],
)
def test_a_dripping_answer_is_no_answer_within_the_limit(begin: bytes, drip: bytes) -> None:
    with dripping_server(begin, drip) as url:
        provider = Provider(url, "sk", "2025-07-04", LIMIT_S)
        began = time.monotonic()
        answer, _ = provider.send("POST", "/payments", b"{}", "k")
        assert answer.status is None
        assert time.monotonic() - began < LIMIT_S + 0.5


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that takes no further connection and refuses none."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        time.sleep(0.1)
        yield port
        for one in waiting:
            one.close()


def test_the_addresses_of_a_host_share_the_limit() -> None:
    backend = LimitedBackend(lambda _host, _port: ["127.0.0.1"] * 4)
    with silent_server() as port, total_limit(LIMIT_S):
        began = time.monotonic()
        with pytest.raises(httpcore.ConnectTimeout):
            backend.connect_tcp("provider.test", port, LIMIT_S)
        assert LIMIT_S - 0.1 < time.monotonic() - began < LIMIT_S + 0.5


def test_the_next_address_of_a_host_is_tried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        backend = LimitedBackend(lambda _host, _port: ["127.0.0.2", "127.0.0.1"])
        with total_limit(LIMIT_S):
            backend.connect_tcp("provider.test", port, LIMIT_S).close()


def test_a_host_without_an_address_was_not_reached() -> None:
    answer, _ = Provider("http://nowhere.invalid", "sk", "2025-07-04", LIMIT_S).send("GET", "/ping")
    assert answer.status is None


class Pages:
    """A provider whose list is these pages by cursor; it counts the pages that were read."""

    def __init__(self, pages: dict[str, list[Page]]) -> None:
        self.pages, self.read = pages, 0

    def page(self, path: str, params: dict[str, str]) -> Page:
        self.read += 1
        given = self.pages[params.get("page_cursor", "")]
        return given.pop(0) if len(given) > 1 else given[0]


class PageReader(Reader):
    """A reader without a limiter."""

    def __init__(self, pages: dict[str, list[Page]]) -> None:
        self.given = Pages(pages)

    def page(self, path: str, params: Any) -> Page:
        return self.given.page(path, params)


def page(ids: str, cursor: str, total: int) -> Page:
    return Page([{"id": one} for one in ids], cursor, total, "req", None)


class LosingReader(PageReader):
    """The answer of some pages is lost, or an error: `lost` has what comes instead, by cursor."""

    def __init__(self, pages: dict[str, list[Page]], lost: dict[str, list[int | None]]) -> None:
        super().__init__(pages)
        self.lost, self.stop = lost, Stop()

    def page(self, path: str, params: Any) -> Page:
        if instead := self.lost.get(params.get("page_cursor", "")):
            self.given.read += 1
            raise Unreachable(Answer(instead.pop(0)))
        return super().page(path, params)


TWO_PAGES = {"": [page("ba", "a", 3)], "a": [page("0", "", 3)]}


@pytest.mark.parametrize("lost", [[None], [500], [None, 503]])
def test_a_page_that_is_lost_on_the_way_is_read_again(lost: list[int | None]) -> None:
    reader = LosingReader(TWO_PAGES, {"a": lost})
    lines, complete = reader.all("/payments", {})
    assert (len(lines), complete) == (3, True)


@pytest.mark.parametrize(
    ("cursor", "lost", "read"),
    [("", [None], 1), ("a", [None, None, 500], 4), ("a", [429], 2), ("a", [401], 2)],
)
def test_a_first_page_a_refusal_and_a_third_loss_end_the_walk(
    cursor: str, lost: list[int | None], read: int
) -> None:
    reader = LosingReader(TWO_PAGES, {cursor: lost})
    with pytest.raises(Unreachable):
        reader.all("/payments", {})
    assert reader.given.read == read


def test_a_cursor_that_repeats_ends_the_walk_as_not_complete() -> None:
    reader = PageReader({"": [page("a", "a", 2)], "a": [page("b", "a", 2)]})
    lines, complete = reader.all("/payments", {})
    assert ([line["id"] for line in lines], complete, reader.given.read) == (["a", "b"], False, 2)


def test_cursors_that_go_round_end_the_walk_as_not_complete() -> None:
    reader = PageReader(
        {"": [page("a", "a", 3)], "a": [page("b", "b", 3)], "b": [page("c", "a", 3)]}
    )
    assert (reader.all("/payments", {})[1], reader.given.read) == (False, 3)


def test_a_list_without_end_is_read_up_to_the_limit() -> None:
    endless = {str(n or ""): [page(f"{n}", str(n + 1), 2)] for n in range(9)}
    reader = PageReader(endless)
    walk = Walk(reader, "/payments", {}, pages_max=5)
    assert (len(list(walk)), walk.complete, reader.given.read) == (5, False, 5)


def test_what_is_added_during_a_walk_is_read_after_it() -> None:
    reader = PageReader({"": [page("ba", "a", 2), page("dcba", "", 4)], "a": [page("0", "", 4)]})
    lines, complete = reader.all("/payments", {})
    assert (len(lines), complete) == (5, False)
    reader = PageReader({"": [page("b", "b", 2), page("cb", "", 3)], "b": [page("a", "", 3)]})
    lines, complete = reader.all("/payments", {})
    assert (len(lines), complete) == (3, True)


def test_a_list_as_long_as_the_providers_count_is_read_to_its_end() -> None:
    long = {str(n or ""): [page(f"{n}", str(n + 1) if n < 8 else "", 9)] for n in range(9)}
    walk = Walk(PageReader(long), "/payments", {}, pages_max=5)
    assert (len(list(walk)), walk.complete) == (9, True)


def test_more_than_a_page_that_is_added_during_a_walk_is_read_after_it() -> None:
    reader = PageReader(
        {
            "": [page("fed", "1", 6), page("jih", "2", 10)],
            "1": [page("cba", "", 10)],
            "2": [page("gfe", "3", 10)],
        }
    )
    lines, complete = reader.all("/payments", {})
    assert (len(lines), complete, reader.given.read) == (10, True, 4)


def test_the_time_in_which_the_machine_sleeps_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    asleep_s, clock_gettime = 0.0, time.clock_gettime

    def now(clock: int) -> float:
        return clock_gettime(clock) + (asleep_s if clock == time.CLOCK_BOOTTIME else 0.0)

    monkeypatch.setattr(time, "clock_gettime", now)
    with total_limit(30.0):
        assert 29.0 < (remaining(None, TimeoutError) or 0.0) <= 30.0
        asleep_s = 3_600.0  # the monotonic clock stands still meanwhile
        with pytest.raises(TimeoutError):
            remaining(None, TimeoutError)


def test_each_thread_keeps_a_connection_of_its_own() -> None:
    ports: dict[str, set[int]] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            ports.setdefault(self.path, set()).add(self.client_address[1])
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    provider = Provider(f"http://127.0.0.1:{server.server_address[1]}", "sk", "2025-07-04", 5.0)
    together = threading.Barrier(3)

    def call_three_times(path: str) -> None:
        for _ in range(3):
            together.wait(10)
            assert provider.send("GET", path)[0].status == 200

    threads = [threading.Thread(target=call_three_times, args=(f"/{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.shutdown()
    server.server_close()
    assert [len(of_thread) for of_thread in ports.values()] == [1, 1, 1]
    assert len(set.union(*ports.values())) == 3
