"""PgBouncer in transaction mode is refused with a sentence; in session mode everything works."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from libs.common.contracts.errors import SettingsError
from libs.common.database import pooler
from libs.common.database.engine import connect, run
from libs.common.messaging import outbox, relay
from libs.common.testing.waiting import wait_for
from libs.common.tests.conftest import Store
from libs.common.tests.factories import hint
from libs.common.tests.fake_producer import Producer

pytestmark = pytest.mark.database
CONFIGURATION = """
[databases]
{database} = host={host} port={port} dbname={database} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
auth_type = any
pool_mode = {mode}
unix_socket_dir =
logfile = {folder}/log
"""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def is_listening(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def pgbouncer() -> str:
    found = os.environ.get("PAYDOWN_TEST_PGBOUNCER") or shutil.which(
        "pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin"
    )
    if not found:
        os.write(2, b"!!! SKIPPED: no PgBouncer here: apt-get install pgbouncer\n")
        pytest.skip("no pgbouncer")
    return found


@pytest.fixture
def pooled(store: Store, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """`pooled(mode)` starts PgBouncer in front of the database, and returns its address."""
    started: list[subprocess.Popen[bytes]] = []
    url = make_url(store.url)

    def start(mode: str) -> str:
        listen = free_port()
        folder = tmp_path / mode
        folder.mkdir()
        (folder / "ini").write_text(
            CONFIGURATION.format(
                database=url.database,
                host=url.host,
                port=url.port,
                user=url.username,
                password=url.password,
                listen=listen,
                mode=mode,
                folder=folder,
            )
        )
        command = [pgbouncer(), str(folder / "ini")]
        if os.getuid() == 0:  # it refuses to run as root
            for path in (*folder.parents[:3], folder):
                path.chmod(0o755)
            folder.chmod(0o777)
            command[1:1] = ["-u", "nobody"]
        started.append(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        )
        assert wait_for(lambda: is_listening(listen), 10), (folder / "log").read_text()
        return url.set(host="127.0.0.1", port=listen).render_as_string(hide_password=False)

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


def test_without_a_pooler_nothing_is_refused(store: Store) -> None:
    pooler.refuse_shared_sessions(store.engine)


def test_a_pooler_that_shares_sessions_is_refused_with_what_to_do(
    pooled: Callable[[str], str],
) -> None:
    engine = connect(pooled("transaction"), "test")
    try:
        with pytest.raises(SettingsError) as refused:
            pooler.refuse_shared_sessions(engine)
    finally:
        engine.dispose()
    assert "pool_mode = session" in str(refused.value)


def test_in_session_mode_locks_settings_and_the_relay_work(
    pooled: Callable[[str], str], store: Store
) -> None:
    url = pooled("session")
    engine = connect(url, "test")
    pooler.refuse_shared_sessions(engine)
    with engine.begin() as connection:
        assert run(connection, "SHOW lock_timeout").scalar() == "20s"
        outbox.add(connection, [hint(1)])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        lock = {"lock": relay.RELAY_LOCK}
        assert run(connection, "SELECT pg_try_advisory_lock(:lock)", **lock).scalar()
        with store.engine.begin() as other:
            assert not run(other, "SELECT pg_try_advisory_xact_lock(:lock)", **lock).scalar()
        run(connection, "LISTEN outbox")
        acting: object = Producer()
        assert relay.publish(connection, acting) == 1  # type: ignore[arg-type] # a fake acts as one
    engine.dispose()


def test_a_parameter_that_the_pooler_refuses_is_named(pooled: Callable[[str], str]) -> None:
    engine = create_engine(pooled("session"), connect_args={"options": "-c statement_timeout=1000"})
    with pytest.raises(SettingsError, match="unsupported startup parameter: options"):
        pooler.refuse_shared_sessions(engine)
