"""The network is lost at each step of set-up: it says so in words, and the same command goes on."""

import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from devtools.setup import jars
from devtools.tests.test_interrupted_setup import (
    LIMIT_S,
    WHEEL,
    checkout,
    command,
    finished,
    is_whole,
)

__all__ = ["checkout"]  # a fixture


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder; of what is `lost`, half of the bytes, and then the connection ends."""

    lost = ""
    was_lost: ClassVar[list[str]]

    def log_message(self, *_: object) -> None:
        pass

    def copyfile(self, source: Any, outputfile: Any) -> None:
        content = source.read()
        half = bool(self.lost) and self.lost in self.path
        if half:
            self.was_lost.append(self.path)
        outputfile.write(content[: len(content) // 2] if half else content)
        self.close_connection = True


@pytest.fixture
def network(checkout: Path) -> Iterator[tuple[type[Handler], str]]:
    root = checkout.parent
    page = root / "simple" / "small" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<html><a href="../../index/{WHEEL}">{WHEEL}</a></html>')

    class Own(Handler):
        was_lost: ClassVar[list[str]] = []

        def __init__(self, *words: Any) -> None:
            super().__init__(*words, directory=str(root))

    with ThreadingHTTPServer(("127.0.0.1", 0), Own) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Own, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        ("/simple/", "or its answer was cut off"),
        (WHEEL, "Its download was cut off"),
        (".jar", "Kafka's jars cannot be fetched: the connection was cut"),
    ],
)
def test_a_network_lost_at_one_step_is_said_and_the_same_command_goes_on(
    checkout: Path, network: tuple[type[Handler], str], lost: str, says: str
) -> None:
    handler, address = network
    given = {
        "PIP_NO_INDEX": "",
        "PIP_FIND_LINKS": "",
        "PIP_INDEX_URL": f"{address}/simple",
        "PIP_RETRIES": "0",
        jars.MIRROR: f"{address}/repository",
    }
    handler.lost = lost
    process = command(checkout, "runtime", **given)
    output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 2, output
    assert handler.was_lost
    last = output.strip().splitlines()[-1]
    assert says in last
    assert "Traceback" not in output
    assert "<" not in last
    assert not (checkout / ".venv").exists() or is_whole(checkout)
    handler.lost = ""
    process = command(checkout, "runtime", **given)
    output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, output
    assert is_whole(checkout)
    assert "using Python" in finished(checkout, "runtime")
