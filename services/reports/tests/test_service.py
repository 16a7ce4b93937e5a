"""The service as a process on a real broker: topics in, files out, the live view, the rebuild."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from devtools.test_servers import RunningBroker
from libs.common.contracts.topics import TOPICS
from libs.common.database import migrate
from libs.common.database.engine import connect, run
from libs.common.messaging import kafka
from libs.common.testing.call_keys import GATEWAY_PUBLIC_KEYS, SignedByGateway
from libs.common.testing.signed_topics import PUBLIC_KEYS, publish
from libs.common.testing.waiting import wait_for
from services.reports.app import MIGRATIONS
from services.reports.tests import factories

pytestmark = pytest.mark.broker
TOKEN = "a-token-of-the-tests"
ENDED = (0, -signal.SIGTERM)  # uvicorn shuts down in order and then ends by the signal it was given


@dataclass
class Running:
    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    client: httpx.Client
    broker: RunningBroker

    def get(self, path: str) -> Any:
        return self.client.get(path).json()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def running(
    kafka_broker: RunningBroker, make_database: Callable[[str], tuple[str, str]]
) -> Iterator[Running]:
    service_url, owner_url = make_database("reports")
    migrate.upgrade(owner_url, MIGRATIONS)
    port = free_port()
    environment = {
        "DATABASE_URL": service_url,
        "KAFKA": kafka_broker.bootstrap,
        "PORT": str(port),
        "INTERNAL_TOKEN": TOKEN,
        "SEAL_KEYS": factories.SEAL_KEYS,
        "CERTIFICATE_WAIT_S": "1",
        "PUBLIC_KEYS": f"{PUBLIC_KEYS},{GATEWAY_PUBLIC_KEYS}",
        "OWNER_URL": owner_url,
    }
    variables = os.environ | {
        f"PAYDOWN_REPORTS_{name}": value for name, value in environment.items()
    }
    kafka.create_topics(kafka_broker.bootstrap, TOPICS)
    process = subprocess.Popen([sys.executable, "-m", "services", "reports"], env=variables)
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}",
        headers={"X-Paydown-Internal": TOKEN},
        auth=SignedByGateway("reports"),
        timeout=30,
    ) as client:
        assert wait_for(lambda: ready(client), 30, 0.2)
        yield Running(variables, process, client, kafka_broker)
    process.terminate()
    assert process.wait(15) in ENDED


def ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_topics_become_reports_and_faust_and_sql_show_the_same(running: Running) -> None:
    batch = factories.make(400, 31)
    publish(running.broker.bootstrap, batch.events[:-40])
    csv = f"/batches/{batch.batch_id}/reports/payments.csv"
    assert wait_for(
        lambda: (
            running.get(f"/batches/{batch.batch_id}/summary")["payments"]["total"]
            == len(batch.payments)
        ),
        30,
    )
    publish(running.broker.bootstrap, batch.events[-40:] + batch.events[:200])
    assert wait_for(lambda: running.client.get(csv).status_code == 200, 30)
    assert running.client.get(csv).text.count("\r\n") == 401
    live = f"/batches/{batch.batch_id}/live"
    assert wait_for(lambda: running.get(live)["from"] == "faust", 60, 0.5)
    shown = running.get(live)
    found = running.get(f"/batches/{batch.batch_id}/summary")
    assert (shown["payments"], shown["payment_amount_cents"]) == (
        found["payments"],
        found["payment_amount_cents"],
    )
    assert shown["status"] == "completed_with_failures"


def test_the_service_outlives_a_broker_that_dies_and_goes_on_where_it_was(running: Running) -> None:
    running.broker.kill()
    time.sleep(3)
    assert running.process.poll() is None
    assert running.client.get("/health/live").status_code == 200
    running.broker.start()
    batch = factories.make(100, 32)
    publish(running.broker.bootstrap, batch.events)
    assert wait_for(
        lambda: (
            running.client.get(f"/batches/{batch.batch_id}/reports/sources.csv").status_code == 200
        ),
        60,
        0.5,
    )
    assert wait_for(
        lambda: running.get(f"/batches/{batch.batch_id}/live")["from"] == "faust", 90, 0.5
    )
    assert running.process.poll() is None


def rebuild(running: Running) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services", "rebuild", "reports"]
    return subprocess.run(
        command, env=running.environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_rebuild_from_offset_0_is_equal_and_a_store_that_was_changed_is_found_out(
    running: Running,
) -> None:
    batch = factories.make(50, 33)
    publish(running.broker.bootstrap, batch.events)
    done = rebuild(running)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(" equal") == 11
    owner = connect(running.environment["PAYDOWN_REPORTS_OWNER_URL"], "tests")
    with owner.begin() as connection:
        run(
            connection,
            "UPDATE payment SET amount_cents = amount_cents + 1 WHERE payment_id = :id",
            id=batch.payments[0].payment_id,
        )
    again = rebuild(running)
    assert again.returncode == 1
    assert [line.split()[0] for line in again.stdout.splitlines() if "DIFFERENT" in line] == [
        "payments"
    ]
    owner.dispose()


def test_without_kafka_it_starts_and_answers_then_reads_when_kafka_comes_and_stops_without_it(
    kafka_broker: RunningBroker, make_database: Callable[[str], tuple[str, str]], running: Running
) -> None:
    service_url, owner_url = make_database("reports")
    migrate.upgrade(owner_url, MIGRATIONS)
    port = free_port()
    kafka_broker.kill()
    changed = {"PAYDOWN_REPORTS_DATABASE_URL": service_url, "PAYDOWN_REPORTS_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "services", "reports"], env=running.environment | changed
    )
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"X-Paydown-Internal": TOKEN},
            auth=SignedByGateway("reports"),
            timeout=30,
        ) as client:
            assert wait_for(lambda: alive(client), 20, 0.2)
            assert client.get(f"/batches/{factories.SPACE}/live").json()["from"] == "sql"
            kafka_broker.start()
            assert wait_for(lambda: ready(client), 60, 0.5)
            assert wait_for(
                lambda: client.get(f"/batches/{factories.SPACE}/live").json()["from"] == "faust",
                60,
                0.5,
            )
            kafka_broker.kill()
            process.terminate()
            assert process.wait(20) in ENDED
    finally:
        process.kill()
        kafka_broker.start()


def alive(client: httpx.Client) -> bool:
    try:
        return client.get("/health/live").status_code == 200
    except httpx.TransportError:
        return False
