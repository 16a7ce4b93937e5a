"""uvicorn, with a way to cut a connection without an answer."""

from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulator.app import App
from simulator.asgi import CUT

KEEP_ALIVE_S = 75
GRACE_S = 1


class CuttableProtocol(HttpToolsProtocol):
    """Gives each request the function that aborts its connection.

    The socket is closed, and what was not sent is dropped.
    """

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        extensions: dict[str, Any] = {CUT: self.transport.abort}  # Any: as ASGI has it
        self.scope["extensions"] = extensions


def config(
    app: App, port: int, log_level: str = "warning", host: str = "127.0.0.1"
) -> uvicorn.Config:
    """The configuration of the server: on loopback by default, without an access log.

    Idle connections stay open for longer than any client keeps them.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=CuttableProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level=log_level,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        backlog=2048,
    )
