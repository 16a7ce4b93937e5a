"""An app on a port of its own, over HTTP as services speak it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from libs.common.runtime.http_protocol import BoundedHeadProtocol

HOST = "127.0.0.1"


@contextmanager
def served(app: ASGIApp) -> Iterator[int]:
    """Serve an app in a thread until the context ends: its port on 127.0.0.1."""
    server = uvicorn.Server(
        uvicorn.Config(app, http=BoundedHeadProtocol, log_config=None, lifespan="off")
    )
    with socket.create_server((HOST, 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = server.force_exit = True
            thread.join(10)
