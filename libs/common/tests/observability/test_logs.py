import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from libs.common.observability.logs import FIELDS, add_trace_id, configure, drop_other_fields


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def test_a_field_that_is_not_on_the_list_is_dropped_and_named() -> None:
    entry = drop_other_fields(
        None, "info", {"event": "x", "batch_id": "b", "first_name": "Jane", "loan": "0012345678"}
    )
    assert entry == {"event": "x", "batch_id": "b", "dropped": ["first_name", "loan"]}


def test_no_personal_field_is_on_the_list() -> None:
    assert not FIELDS & {
        "first_name",
        "last_name",
        "dob",
        "phone",
        "loan",
        "account",
        "account_number",
        "body",
        "key",
        "message",
        "sql",
        "params",
        "value",
        "url",
        "query",
        "headers",
        "detail",
        "exception",
        "exc_info",
        "token",
    }


@pytest.mark.parametrize(
    ("entry", "trace"),
    [
        ({"batch_id": "11111111-2222-4333-8444-555555555555"}, "11111111222243338444555555555555"),
        ({"batch_id": "none"}, None),
        ({"payment_id": "x"}, None),
    ],
)
def test_a_line_that_names_a_batch_names_its_trace(
    entry: dict[str, str], trace: str | None
) -> None:
    assert add_trace_id(None, "info", dict(entry)).get("trace_id") == trace


def test_a_line_is_one_json_object_with_the_service(capsys: pytest.CaptureFixture[str]) -> None:
    configure("ledger", "info")
    log = structlog.get_logger()
    log.info(
        "applied", count=3, phone="+15555550100", batch_id="11111111-2222-4333-8444-555555555555"
    )
    log.debug("not shown", count=4)
    (line,) = capsys.readouterr().out.splitlines()
    written = json.loads(line)
    assert {
        k: written[k] for k in ("event", "service", "count", "level", "dropped", "trace_id")
    } == {
        "event": "applied",
        "service": "ledger",
        "count": 3,
        "level": "info",
        "dropped": ["phone"],
        "trace_id": "11111111222243338444555555555555",
    }
    assert "5555550100" not in line


#: As uvicorn logs a bug of a route, and as libraries log what they try again.
OF_LIBRARIES = """
import logging
from libs.common.observability.logs import configure
configure("ledger")
try:
    raise ValueError("Ida Li 0012345678")
except ValueError as error:
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error)
logging.getLogger("library").warning("retrying %s after %d s", "Ida Li", 12345678)
logging.getLogger("library").warning("given up: Ida Li")
"""


def test_a_line_of_a_library_is_one_json_object_without_values() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OF_LIBRARIES], capture_output=True, text=True, check=True
    )
    assert "Li" not in done.stdout + done.stderr
    assert "345678" not in done.stdout
    failed, tried, text = map(json.loads, done.stdout.splitlines())
    assert (failed["name"], failed["error"]) == ("uvicorn.error", "ValueError")
    assert failed["traceback"]
    assert tried["reason"] == "retrying %s after %d s"
    assert text == {"event": "library", "name": "library", "level": "WARNING"}
