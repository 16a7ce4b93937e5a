"""A service's health, and what happens when one of its loops ends."""

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.common.contracts.topics import BATCHES
from libs.common.database import pooler
from libs.common.database.engine import run
from libs.common.database.migrate import upgrade
from libs.common.messaging import outbox
from libs.common.messaging.client_health import LATELY_S, ClientHealth
from libs.common.messaging.consumer import apply_batch
from libs.common.runtime import start_checks
from libs.common.runtime.health import STALE_S
from libs.common.runtime.loops import Loop, idle_wait_s, take_turns
from libs.common.runtime.service import Service
from libs.common.runtime.settings import ServiceSettings
from libs.common.testing.waiting import wait_for
from libs.common.tests.conftest import CONSUMER, Store
from libs.common.tests.factories import hint, messages
from libs.common.tests.messaging.test_consumer_transaction import refuse_odd

REVISION = """
from alembic import op
revision = "test_000{n}"
down_revision = {down}
def upgrade() -> None:
    op.execute("CREATE TABLE made_{n} (id int)")
"""


class Example(ServiceSettings):
    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="PAYDOWN_EXAMPLE_")
    port: int = Field(default=18999, gt=0, lt=65_536)


def service(url: str, migrations: Path) -> Service:
    return Service(
        "example", Example(database_url=url, internal_token="0123456789abcdef"), migrations
    )


def get(made: Service, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(made.app()), base_url="http://test"
        ) as client:
            return await client.get(path)

    return asyncio.run(ask())


def test_a_consumer_refuses_what_nobody_signed(tmp_path: Path) -> None:
    made = service("postgresql+psycopg2://r:p@127.0.0.1:1/none", tmp_path)
    made.add_consumer(BATCHES, lambda _connection, _events: None)
    (consumer,) = made.consumer_watch.consumers
    assert consumer.find_refusals is not None
    assert all(consumer.find_refusals(messages(2)))


def revision(folder: Path, number: int) -> None:
    down = f'"test_000{number - 1}"' if number > 1 else None
    (folder / f"000{number}_step.py").write_text(REVISION.format(n=number, down=down))


def test_without_its_database_it_lives_and_is_not_ready(tmp_path: Path) -> None:
    revision(tmp_path, 1)
    made = service("postgresql+psycopg2://role:hunter2@127.0.0.1:1/none", tmp_path)
    answer = get(made, "/health/ready")
    assert (answer.status_code, answer.json()) == (
        503,
        {"ready": False, "checks": {"migrations": False}, "held": "", "world": {}},
    )
    assert "hunter2" not in answer.text
    assert get(made, "/health/live").status_code == 200


def test_a_loop_that_is_stuck_is_not_alive(tmp_path: Path) -> None:
    made = service("postgresql+psycopg2://r:p@127.0.0.1:1/none", tmp_path)
    made.supervisor.last_beats["relay"] = time.monotonic() - STALE_S - 1
    assert get(made, "/health/live").status_code == 503
    made.supervisor.last_beats["relay"] = time.monotonic()
    assert get(made, "/health/live").json() == {"live": True, "loops": {"relay": 0.0}}


def test_a_loop_that_was_asked_to_end_is_no_sign_of_trouble(tmp_path: Path) -> None:
    """While a database is quarantined its consumers have ended.

    If that counted as stuck, the process would be killed every minute and a half, without end.
    """
    made, stop = service("postgresql+psycopg2://r:p@127.0.0.1:1/none", tmp_path), threading.Event()

    def until_asked(enough: threading.Event, _: Any) -> None:
        enough.wait()

    (thread,) = made.supervisor.start([Loop("consumer", until_asked)], stop)
    assert wait_for(lambda: "consumer" in made.supervisor.ages(), 5)
    stop.set()
    thread.join(5)
    assert made.supervisor.ages() == {}


def test_turns_are_taken_until_the_stop_and_waited_for_only_without_work() -> None:
    stop, done, beats = threading.Event(), [], []

    def turn() -> bool:
        done.append(1)
        if len(done) == 50:
            stop.set()
        return True

    began = time.monotonic()
    take_turns(iter([turn]), stop, lambda: beats.append(1), every_s=5.0)
    assert (len(done), len(beats)) == (50, 50)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("every_s", "idle_s", "wait_s"),
    [(0.2, 0.0, 0.2), (0.2, 19.0, 0.2), (0.2, 20.0, 0.8), (0.5, 60.0, 1.0), (60.0, 90.0, 60.0)],
)
def test_a_loop_looks_less_often_after_a_while_without_work(
    every_s: float, idle_s: float, wait_s: float
) -> None:
    assert idle_wait_s(every_s, idle_s) == wait_s


@pytest.mark.database
def test_it_is_ready_when_the_newest_migration_is_there_and_every_check_is_true(
    store: Store, tmp_path: Path
) -> None:
    revision(tmp_path, 1)
    made = service(store.url, tmp_path)
    made.ready["group"] = lambda: joined
    joined = False
    assert made.readiness() == {"migrations": False, "group": False}
    upgrade(store.owner_url, tmp_path)
    upgrade(store.owner_url, tmp_path)  # again: nothing happens
    assert made.readiness() == {"migrations": True, "group": False}
    joined = True
    assert get(made, "/health/ready").json() == {
        "ready": True,
        "checks": {"migrations": True, "group": True},
        "held": "",
        "world": {},
    }
    newer = tmp_path / "newer"
    newer.mkdir()
    for number in (1, 2):
        revision(newer, number)
    assert service(store.url, newer).readiness() == {"migrations": False}
    made.engine.dispose()


@pytest.mark.database
def test_metrics_count_what_waits_and_what_is_dead(store: Store, tmp_path: Path) -> None:
    with store.engine.begin() as connection:
        outbox.add(connection, [hint(n) for n in range(3)])
        run(connection, "UPDATE outbox SET created_at = now() - interval '1 hour'")
        apply_batch(connection, CONSUMER, messages(2), refuse_odd)
    made = service(store.url, tmp_path)
    made.gauges["held"] = lambda: 7.0
    text = get(made, "/metrics").text
    found = {
        line.split()[0]: float(line.split()[1])
        for line in text.splitlines()
        if not line.startswith("#")
    }
    assert found["paydown_example_outbox_waiting"] == 3
    assert found["paydown_example_outbox_age_seconds"] > 3500
    assert found["paydown_example_dead_letters"] == 1
    assert found["paydown_example_held"] == 7
    made.engine.dispose()


def test_the_pooler_is_tried_once_and_later_only_if_the_database_was_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, stop = service("postgresql+psycopg2://r:p@127.0.0.1:1/none", tmp_path), threading.Event()
    stop.set()
    answers = iter([OSError("away"), None])
    tried: list[object] = []

    def refuse_shared_sessions(engine: object) -> None:
        tried.append(engine)
        if answer := next(answers):
            raise answer

    monkeypatch.setattr(pooler, "refuse_shared_sessions", refuse_shared_sessions)
    made.pooler_checked = start_checks.check_pooler(made.name, made.engine)
    for _ in range(2):
        made._check_world(stop, lambda: None)
    assert len(tried) == 2


SERVE = """
from pathlib import Path
from libs.common.contracts.topics import BATCHES
from libs.common.runtime.service import Service
from libs.common.tests.crypto.test_message_signatures import KEYS, key
from libs.common.crypto.message_signatures import public_keys
from libs.common.tests.runtime.test_service import Example
made = Service("webhooks", Example(
    database_url="postgresql+psycopg2://r:p@127.0.0.1:1/none", internal_token="0123456789abcdef",
    accept_unsigned=True, {settings}
), Path("."))
made.add_consumer(BATCHES, lambda _connection, _events: None)
made.serve()
"""


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("", "webhooks: PAYDOWN_WEBHOOKS_SIGNING_KEYS is not set"),
        (
            "signing_keys='webhooks-1:' + key(9), public_keys=public_keys(KEYS)",
            "webhooks: PAYDOWN_WEBHOOKS_PUBLIC_KEYS has no key that verifies",
        ),
        (
            "signing_keys=KEYS['webhooks'], public_keys=public_keys(KEYS)",
            "webhooks: PAYDOWN_WEBHOOKS_PUBLIC_KEYS has no key of ingest.",
        ),
    ],
)
def test_with_a_wrong_key_of_messages_it_does_not_start(settings: str, sentence: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SERVE.format(settings=settings)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith(sentence)


LOOPS = {
    "bug": "raise KeyError('0012345678')",
    "fatal": "raise Fatal('a gap', 'kafka.gap')",
    "wrong": "raise ProgrammingError('SELECT', {'loan': '0012345678'}, Exception('0012345678'))",
    "ended": "return",
}
PROGRAM = """
import asyncio, threading
from pathlib import Path
from types import SimpleNamespace
from sqlalchemy.exc import ProgrammingError
from libs.common.contracts.errors import Fatal
from libs.common.observability.logs import configure
from libs.common.runtime.loops import Loop
from libs.common.tests.runtime.test_service import service
def loop(stop, beat):
    {body}
configure("example")
made = service("postgresql+psycopg2://r:p@127.0.0.1:1/none", Path("."))
made.loops.append(Loop("broken", loop))
async def main():
    async with made.app().router.lifespan_context(None):
        await asyncio.sleep(20)
asyncio.run(main())
"""


@pytest.mark.parametrize("how", LOOPS)
def test_a_loop_that_ends_takes_the_process_with_it_and_shows_no_value(how: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=LOOPS[how])],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 70, ended.stderr
    assert '"loop": "broken"' in ended.stdout
    assert "0012345678" not in ended.stdout + ended.stderr


def test_a_loop_without_its_database_is_begun_again_until_it_is_back(tmp_path: Path) -> None:
    made = service("postgresql+psycopg2://r:p@127.0.0.1:1/none", tmp_path)
    tries: list[float] = []

    def loop(stop: threading.Event, beat: Any) -> None:
        tries.append(time.monotonic())
        if len(tries) < 3:
            with made.engine.connect():
                pass
        while not stop.is_set():
            beat()
            stop.wait(0.05)

    made.loops.append(Loop("patient", loop))

    async def live() -> bool:
        app = made.app()
        async with app.router.lifespan_context(app):
            return (
                await asyncio.to_thread(wait_for, lambda: len(tries) == 3, 15)
                and made.supervisor.ages()["patient"] < 5
            )

    assert asyncio.run(live())


@pytest.mark.database
def test_the_flow_of_a_service_is_the_age_of_what_it_applied_and_of_what_it_did_not_publish(
    store: Store, tmp_path: Path
) -> None:
    made = service(store.url, tmp_path)
    made.add_consumer(BATCHES, lambda _connection, _events: None)
    found = get(made, "/health/flow").json()
    assert found == {"applied_age_s": {"batches": None}, "outbox_age_s": 0.0}
    made.name = "ingest"  # one that publishes
    with store.engine.begin() as connection:
        outbox.add(connection, [hint(1)])
        run(connection, "UPDATE outbox SET created_at = now() - interval '90 seconds'")
    assert 90 <= get(made, "/health/flow").json()["outbox_age_s"] < 100
    made.engine.dispose()


def test_ready_means_assigned_and_answered_lately_and_not_once(tmp_path: Path) -> None:
    made = service("postgresql+psycopg2://r:p@127.0.0.1:1/none", tmp_path)
    made.add_consumer(BATCHES, lambda _connection, _events: None)
    (consumer,) = made.consumer_watch.consumers
    health = ClientHealth()
    source: Any = SimpleNamespace(health=health, inside_since=None)

    def is_ready() -> bool:
        return made.readiness()["group batches"]

    def pass_time(seconds: float) -> None:
        health._worked_at -= seconds
        if consumer.in_group_at is not None:
            consumer.in_group_at -= seconds

    assert not is_ready()  # no client yet
    consumer.source = source
    assert not is_ready()  # a client without an assignment
    health.assigned = True
    assert is_ready()
    health.assigned = False
    assert is_ready()  # it has just lost its group, and may find it again at once
    consumer.source = None
    assert is_ready()  # and so may the client that is made in its place
    pass_time(LATELY_S)
    assert not is_ready()
    consumer.source = source
    health.assigned, health._worked_at = True, time.monotonic()
    assert is_ready()
    pass_time(LATELY_S)
    assert not is_ready()  # it has heard nobody for so long
    made.engine.dispose()
