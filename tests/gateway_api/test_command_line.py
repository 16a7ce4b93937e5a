"""The command line `paydown` as processes of its own, against the gateway and real services."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools import paths, sample_roster
from libs.common.testing.http_server import served
from services.ingest.tests.harness import consistent
from tests.gateway_api.harness import GatewayHarness, build

pytestmark = pytest.mark.database
LIMIT_S = 60.0
SEED = 31_000


@dataclass
class CommandLine:
    """`paydown` with an API token for a gateway that answers on a port."""

    gateway: GatewayHarness
    environ: dict[str, str]

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(paths.ROOT / "paydown"), *map(str, arguments)],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: object) -> tuple[int, Any]:
        """A command's exit code and its JSON."""
        process = self.start(*arguments, "--json")
        out, error = process.communicate(timeout=LIMIT_S)
        assert out, error
        return process.returncode, json.loads(out)

    def batch_ids(self) -> set[str]:
        return {item["batch_id"] for item in self.run("status", "--limit", 1000)[1]["items"]}


@pytest.fixture(scope="module")
def command_line(
    make_database: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CommandLine]:
    gateway = build(make_database, tmp_path_factory.mktemp("files"), calls_per_min=100_000)
    with served(gateway.web) as port:
        url = f"http://127.0.0.1:{port}"
        order = {"name": "payroll", "person": "demo-preparer", "roles": ["preparer"]}
        made = httpx.post(
            f"{url}/api/v1/tokens", json=order, headers={"Authorization": "Bearer demo-admin"}
        )
        environ = {
            "PATH": os.environ["PATH"],
            "PAYDOWN_URL": url,
            "PAYDOWN_TOKEN": made.json()["token"],
        }
        yield CommandLine(gateway, environ)


def until(is_so: Any) -> None:
    end = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def roster(file: Path, seed: int) -> Path:
    file.write_bytes(consistent(sample_roster.make(6, SEED + seed)))
    return file


def test_from_an_upload_to_the_reports(command_line: CommandLine, tmp_path: Path) -> None:
    file = roster(tmp_path / "roster.xml", 1)
    code, uploaded = command_line.run("upload", file)
    assert code == 0
    assert command_line.run("upload", file)[0] == 5
    shown = command_line.gateway.made_ready(uploaded["batch_id"])
    code, preview = command_line.run("preview", uploaded["batch_id"])
    assert (code, preview["status"], preview["digest"]) == (0, "ready", shown["digest"])
    text, _ = command_line.start("preview").communicate(timeout=LIMIT_S)
    assert "This command line cannot approve." in text
    code, reports = command_line.run("reports", uploaded["batch_id"], "--out", tmp_path / "out")
    assert code == 0
    assert all(uploaded["batch_id"] in Path(name).read_text() for name in reports["files"])


def test_a_watch_that_is_killed_before_it_writes_the_result_uploads_nothing_twice(
    command_line: CommandLine, tmp_path: Path
) -> None:
    before = command_line.batch_ids()
    roster(tmp_path / "roster.xml", 2)
    result = tmp_path / "roster.xml.result.json"
    arguments = ("watch", tmp_path, "--settle", 0.2, "--every", 0.1)
    first = command_line.start(*arguments)
    until(result.exists)
    first.kill()
    first.wait()
    known = json.loads(result.read_text())["batch_id"]
    result.unlink()  # as if it had been killed a moment earlier
    second = command_line.start(*arguments)
    until(result.exists)
    command_line.gateway.made_ready(known)
    until(lambda: json.loads(result.read_text())["status"] == "ready")
    second.terminate()
    assert second.wait(LIMIT_S) == 0
    assert json.loads(result.read_text())["batch_id"] == known
    assert command_line.batch_ids() - before == {known}


def test_an_unknown_token_is_exit_code_3(command_line: CommandLine) -> None:
    stranger = CommandLine(command_line.gateway, {**command_line.environ, "PAYDOWN_TOKEN": "x"})
    assert stranger.run("status")[0] == 3
