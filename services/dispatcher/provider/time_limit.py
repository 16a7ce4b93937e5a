"""A total time limit for calls over HTTP.

httpx limits each read by itself. A server that sends one byte every few seconds could hold a call
for ever. Here every wait on the network ends at the deadline of the whole call.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpcore
import httpx


class _Deadline(threading.local):
    """When the call of this thread must end, in seconds since the machine began; None: never."""

    at: float | None = None


_deadline = _Deadline()


def _now() -> float:
    """Seconds since the machine's start, also those in which it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@contextmanager
def total_limit(seconds: float) -> Iterator[None]:
    """End every call of this thread within so many seconds.

    Raises:
        httpx.TimeoutException: from the call, when the time is over.
    """
    _deadline.at = _now() + seconds
    try:
        yield
    finally:
        _deadline.at = None


def remaining(timeout: float | None, over: type[Exception]) -> float | None:
    """Return the shorter of a timeout and what is left of the call; raises `over` at its end."""
    if _deadline.at is None:
        return timeout
    left = _deadline.at - _now()
    if left <= 0:
        raise over("the time limit of the whole call is over")
    return left if timeout is None else min(timeout, left)


class _LimitedStream(httpcore.NetworkStream):
    """A connection of which no read or write lasts longer than the call may."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self.stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, remaining(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, remaining(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = remaining(timeout, httpcore.ConnectTimeout)
        return _LimitedStream(self.stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order in which they are tried.

    Raises:
        httpcore.ConnectError: there are none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return [str(one[4][0]) for one in found]


class LimitedBackend(httpcore.NetworkBackend):
    """Opens connections that keep the limit, also where a host has several addresses.

    Python's own way gives each address the whole time.
    """

    def __init__(self, look_up: Callable[[str, int], list[str]] = look_up) -> None:
        self.backend, self.look_up = httpcore.SyncBackend(), look_up

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Open a connection to the first address that answers.

        Raises:
            httpcore.ConnectError, httpcore.ConnectTimeout: none did in time.
        """
        *others, last = self.look_up(host, port)
        for address in others:
            left = remaining(timeout, httpcore.ConnectTimeout)
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return _LimitedStream(
                    self.backend.connect_tcp(address, port, left, local_address, socket_options)
                )
        left = remaining(timeout, httpcore.ConnectTimeout)
        return _LimitedStream(
            self.backend.connect_tcp(last, port, left, local_address, socket_options)
        )


class _PoolOfThread(threading.local):
    """The connections of one thread: one, kept open between its calls.

    A pool that threads share has one lock, under which each call looks at every connection and
    every waiting call. With 32 threads they waited longer for it than for the provider.
    """

    def __init__(self, context: ssl.SSLContext, keepalive_expiry_s: float | None) -> None:
        """Called anew in each thread, with the same arguments."""
        self.pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=keepalive_expiry_s,
            retries=0,
            network_backend=LimitedBackend(),
        )


class _PoolPerThread(httpcore.ConnectionPool):
    """A pool whose calls go through the connections of the calling thread."""

    def __init__(self, context: ssl.SSLContext, keepalive_expiry_s: float | None) -> None:
        super().__init__(ssl_context=context)
        self._of_thread = _PoolOfThread(context, keepalive_expiry_s)

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        return self._of_thread.pool.handle_request(request)

    def close(self) -> None:
        """Close the calling thread's connection; those of others close when their thread ends."""
        self._of_thread.pool.close()


class LimitedTransport(httpx.HTTPTransport):
    """httpx's transport over connections that keep `total_limit`; it never retries.

    Each thread has a connection of its own.
    """

    def __init__(self, keepalive_expiry_s: float | None = 5.0) -> None:
        context = httpx.create_ssl_context()
        super().__init__(verify=context, retries=0)
        self._pool = _PoolPerThread(context, keepalive_expiry_s)
