"""`python -m ops`: every command is explained, and the health check starts fast."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ops.__main__ import main
from services import catalog

HEAVY = ("sqlalchemy", "psycopg2", "pydantic", "cryptography", "confluent_kafka", "fastapi")
COMMANDS = (
    "provision",
    "secrets",
    "rotate-keys",
    "key-usage",
    "healthcheck",
    "quarantine",
    "republish",
    "audit",
)


@pytest.fixture
def address() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health/ready" else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_each_command_is_in_the_help_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert [name for name in COMMANDS if name not in shown] == []
    for name in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["quarantine"],
        ["quarantine", "gateway"],
        ["key-usage", "ledger"],
        ["republish", "mars"],
        ["rotate-keys", "", "keys.json"],
    ],
)
def test_wrong_words_are_answered_with_the_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: python -m ops" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["republish", "gateway"], "there is nothing to republish"),
        (["republish", "ledger", "all"], "say `all`"),
        (["republish", "ledger"], "PAYDOWN_LEDGER_DATABASE_URL is not set"),
        (["key-usage", "reports"], "PAYDOWN_REPORTS_SEAL_KEYS is not set"),
        (["provision"], "DATABASE_URL_FILE is not set"),
    ],
)
def test_a_command_that_cannot_work_says_why_in_one_line(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_health_is_what_the_service_answers(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for url, code in (
        (f"{address}/health/ready", 0),
        (f"{address}/elsewhere", 1),
        ("http://127.0.0.1:1/", 1),
        ("", 0),  # a job
    ):
        monkeypatch.setenv("HEALTH_URL", url)
        assert main(["healthcheck"]) == code, url


def test_the_health_check_imports_no_driver_and_no_framework() -> None:
    """It runs every three seconds in every container."""
    script = (
        "import sys; from ops.__main__ import main; assert main(['healthcheck']) == 0; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={}, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_each_container_gets_the_secrets_that_the_catalog_names_and_no_others(
    tmp_path: Path,
) -> None:
    assert main(["secrets", str(tmp_path)]) == 0
    for service in catalog.SERVICES:
        found = {file.name for file in (tmp_path / service.name).iterdir()}
        assert found == set(service.secrets), service.name
    owners = {file.name for file in (tmp_path / "migrate").iterdir()}
    assert owners == {f"{name}_owner_url" for name in catalog.NAMES}


def test_secrets_are_made_once_and_a_folder_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert main(["secrets", str(tmp_path)]) == 0
        texts = {file: file.read_text() for file in tmp_path.rglob("*") if file.is_file()}
        (tmp_path / "reports" / "seal_keys").unlink()  # a container that was added later
    assert main(["secrets", str(tmp_path)]) == 0
    assert {file: file.read_text() for file in texts} == texts
    assert main(["secrets", str(tmp_path / "keys" / "keys.json")]) == 2
    assert "the secrets cannot be written to" in capsys.readouterr().err
