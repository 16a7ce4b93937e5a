"""What the commands share: the settings, the clock, and how they print."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import httpx

from cli import output
from cli.gateway_client import TRIES, GatewayClient
from cli.settings import DEFAULT_URL, read_settings


@dataclass
class Context:
    """The surroundings of one call. Tests give their own."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    transport: httpx.BaseTransport | None = None
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic
    token_file: Path | None = None
    as_json: bool = False

    def client(self, tries: int = TRIES) -> GatewayClient:
        """A client of the gateway that the environment names.

        Raises:
            CommandError: the settings are wrong.
        """
        settings = read_settings(self.environ, self.token_file)
        return GatewayClient(settings, self.transport, self.sleep, tries)

    def url(self) -> str:
        """The address that the environment names, for people."""
        return self.environ.get("PAYDOWN_URL") or DEFAULT_URL

    def show(self, value: Any, lines: Iterable[str]) -> None:  # Any: JSON
        """Print an answer: as JSON, or the lines."""
        if self.as_json:
            output.show_json(value)
        else:
            output.show_lines(lines)

    def report(self, event: str, fields: dict[str, Any]) -> None:
        """Print what a watched folder came to: one JSON document or one sentence a line."""
        if self.as_json:
            output.show_json_line({"event": event, **fields})
        elif event == "waiting":
            click.echo(f"waiting: {output.printable(fields['detail'])}", err=True)
        else:
            output.show_lines([_sentence(fields)])


def _sentence(result: Mapping[str, Any]) -> str:
    words = [f"{result['file']}: {result['outcome']}"]
    if result.get("batch_id"):
        words.append(f"batch {result['batch_id']}")
    if result.get("status"):
        words.append(result["status"])
    error = result.get("error")
    if error:
        words.append(error.get("detail") or error.get("message"))
    return ", ".join(words)
