"""The gateway behind nginx and HAProxy, as docs/proxies.md configures them.

Both are in Debian's packages `nginx-light` and `haproxy`. Where one is missing, it is not tried,
and a line says so.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.errors import CommandError
from cli.gateway_client import GatewayClient, Roster
from cli.settings import GatewaySettings
from libs.common.testing.http_server import served
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH, batch
from services.gateway.tests.real_proxies import KINDS, documented, find, proxy

pytestmark = pytest.mark.database
WHO = {"Authorization": "Bearer demo-preparer"}
MB = 1_000_000
ROSTER_MAX = 100 << 20


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if find(name) is None:
        os.write(
            2, f"!!! SKIPPED: {name} is not here, so the gateway was not tried behind it\n".encode()
        )
        pytest.skip(f"no {name}")
    return name


@pytest.fixture
def behind(kind: str, gateway: Gateway, tmp_path: Path) -> Iterator[str]:
    """The address of the gateway behind a proxy as documented."""
    with served(gateway.app) as port, proxy(kind, tmp_path, port, documented(kind)) as url:
        yield url


def upload(url: str, size: int, received: list[int], gateway: Gateway) -> httpx.Response:
    """Upload so many bytes; `received` notes what had arrived when the last part was sent."""

    def body() -> Iterator[bytes]:
        for left in range(size, 0, -MB):
            if left <= MB:
                received.append(gateway.ingest.received)
            yield bytes(min(MB, left))

    return httpx.post(
        f"{url}/api/v1/batches?filename=a.xml",
        content=body(),
        headers=WHO | {"Content-Length": str(size)},
        verify=False,
        timeout=60,
    )


def test_a_roster_of_100_mb_passes_and_arrives_while_it_is_sent(
    behind: str, gateway: Gateway
) -> None:
    gateway.ingest.will_answer("POST", "/batches", {"batch_id": BATCH, "status": "receiving"}, 202)
    received: list[int] = []
    answer = upload(behind, ROSTER_MAX, received, gateway)
    assert (answer.status_code, gateway.ingest.received) == (202, ROSTER_MAX)
    assert received[0] > ROSTER_MAX / 2  # the proxy kept less than half of it


def test_browsers_are_told_to_use_https_for_a_year(behind: str) -> None:
    for path in ("/", "/health", "/api/v1/me", "/nowhere.js"):  # pages, answers, and refusals
        answer = httpx.get(f"{behind}{path}", verify=False)
        policy = answer.headers["strict-transport-security"]
        assert policy == "max-age=31536000; includeSubDomains"


def test_events_pass_as_they_happen(behind: str, gateway: Gateway) -> None:
    gateway.ingest.will_answer("GET", f"/batches/{BATCH}", batch("paying"))
    gateway.reports.will_answer("GET", f"/batches/{BATCH}/live", {"version": 1, "status": "paying"})
    with httpx.stream(
        "GET",
        f"{behind}/api/v1/batches/{BATCH}/live",
        headers=WHO,
        verify=False,
        timeout=10,
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        first = next(line for line in lines if line.startswith("data:"))
        assert json.loads(first.removeprefix("data:"))["version"] == 1
        gateway.reports.will_answer(
            "GET", f"/batches/{BATCH}/live", {"version": 2, "status": "paying"}
        )
        changed_at = time.monotonic()
        second = next(line for line in lines if line.startswith("data:"))
        assert json.loads(second.removeprefix("data:"))["version"] == 2
        assert time.monotonic() - changed_at < 2


def client_of(url: str) -> GatewayClient:
    transport = httpx.HTTPTransport(verify=False)
    settings = GatewaySettings(url=url, token="demo-preparer")
    return GatewayClient(settings, transport, tries=1)


def error_of(url: str, size: int) -> CommandError:
    """What the command line says about an upload that cannot succeed."""
    with pytest.raises(CommandError) as refused:
        client_of(url).upload(Roster(bytes(size), "a.xml", "key"))
    return refused.value


def test_a_proxy_that_takes_less_is_named_and_nothing_was_taken(
    gateway: Gateway, tmp_path: Path
) -> None:
    if find("nginx") is None:
        pytest.skip("no nginx")  # HAProxy limits no bodies
    smaller = documented("nginx").replace("client_max_body_size 110m;", "")
    with served(gateway.app) as port, proxy("nginx", tmp_path, port, smaller) as url:
        error = error_of(url, 3 * MB)  # nginx takes 1 MB if nothing is said
    assert error.code == "proxy.too-large"
    assert "proxy" in error.detail
    assert "Nothing was taken" in error.detail
    assert "again" not in error.action.lower().replace("do not send it again", "")
    assert not gateway.ingest.calls


def test_a_proxy_without_a_gateway_behind_it_is_named(kind: str, tmp_path: Path) -> None:
    with proxy(kind, tmp_path, 9, documented(kind)) as url:  # nothing listens there
        error = error_of(url, 3 * MB)
        page = httpx.get(url, verify=False)
    assert page.headers["content-type"].startswith("text/html")
    assert "a proxy in front of the gateway" in error.detail
    assert str(page.status_code) in error.detail


def answered_upload(url: str, gateway: Gateway) -> httpx.Response:
    """Upload a file over the gateway's limit, which is 300 MB in this test, until it is answered.

    The gateway closes the connection while the rest of the file is on its way; on a busy machine
    the answer can be lost with it. Clients ask again then.
    """
    for _ in range(12):
        try:
            return upload(url, 301 * MB, [], gateway)
        except httpx.TransportError:
            continue
    raise AssertionError("no try was answered")


def test_a_roster_over_the_limit_is_refused_in_the_words_of_the_gateway(
    kind: str, gateway: Gateway, tmp_path: Path
) -> None:
    wider = documented(kind).replace("110m", "900m")
    with served(gateway.app) as port, proxy(kind, tmp_path, port, wider) as url:
        gateway.ingest.will_answer("POST", "/batches", {"batch_id": BATCH}, 202)
        answer = answered_upload(url, gateway)
        assert (answer.status_code, answer.json()["code"]) == (413, "upload.too-large")
