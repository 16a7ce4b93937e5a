"""Search the public API for answers that its committed description does not know.

No 5xx, no undocumented status, content type or shape of an answer.
"""

import json
import threading
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from devtools.stack.ports import free_ports
from services.gateway.domain import access
from tests.gateway_api.harness import GatewayHarness, build

pytestmark = pytest.mark.database


@schemathesis.serializer("application/gzip")
def raw_bytes(_: Any, value: Any) -> bytes:
    """Bodies that claim to be compressed and are not."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(
    json.loads((Path(__file__).parents[2] / "contracts" / "gateway.openapi.json").read_text())
)
# For a batch that exists it has no end, so it is called for others only.
LIVE = "/api/v1/batches/{batch_id}/live"


class ServedGateway:
    """The gateway on a port of its own, and ids that exist behind it."""

    def __init__(self, gateway: GatewayHarness) -> None:
        port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        self.server = uvicorn.Server(
            uvicorn.Config(
                gateway.web, host="127.0.0.1", port=port, log_level="critical", lifespan="off"
            )
        )
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until = time.monotonic() + 20
        while not self.server.started:
            assert time.monotonic() < until
            time.sleep(0.05)
        self.batch_id = gateway.batch("demo-preparer")["batch_id"]
        order = {"name": "n", "person": "demo-preparer", "roles": ["preparer"]}
        self.token_id = httpx.post(
            f"{self.url}/api/v1/tokens", json=order, headers={"Authorization": "Bearer demo-admin"}
        ).json()["token_id"]
        self.turn = cycle(range(8))
        self.statuses: dict[int, int] = {}

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)


@pytest.fixture(scope="module")
def served(make_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedGateway]:
    made = ServedGateway(
        build(
            make_database,
            tmp_path_factory.mktemp("files"),
            calls_per_min=1_000_000,
            failures_per_min=1_000_000,
        )
    )
    yield made
    made.stop()
    # the search got past the sign-in
    assert {200, 202, 401, 403, 404, 422} <= set(made.statuses), made.statuses


@SCHEMA.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_described(case: schemathesis.Case[Any], served: ServedGateway) -> None:
    turn = next(served.turn)
    route = (case.method.upper(), case.path.removeprefix(access.API))
    may = sorted(access.ROUTE_ROLES.get(route, frozenset()))
    who = may[turn % len(may)] if may else ""
    headers = {}
    if who and turn != 7:
        headers["Authorization"] = f"Bearer demo-{'auditor' if turn == 6 else who}"
    if turn % 2 == 0 and case.path != LIVE:
        for name, known in (("batch_id", served.batch_id), ("token_id", served.token_id)):
            if name in case.path_parameters:
                case.path_parameters[name] = known
    answer = case.call(base_url=served.url, headers=headers, timeout=30)
    served.statuses[answer.status_code] = served.statuses.get(answer.status_code, 0) + 1
    case.validate_response(answer, checks=CHECKS)
