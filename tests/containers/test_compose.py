"""`make compose-test`: build and run the compose file, with kills and two replicas of each service.

And what a wrong start answers.
"""

import time
from collections.abc import Iterator

import httpx
import pytest

from devtools import sample_roster
from ops.errors import CommandError
from services import catalog
from services.catalog import NAMES
from tests.containers.engine import IMAGE, Engine, build, engine, images, remove_image
from tests.containers.project import Project, announce
from tests.flow.harness import System
from tests.flow.kills import paid_under_kills

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1_200)]
FIRST, SECOND = sample_roster.make(150, 71), sample_roster.make(150, 72)
ADVISORY_LOCKS = """
SELECT count(*)
FROM pg_locks
JOIN pg_database d ON d.oid = database AND d.datname = current_database()
WHERE locktype = 'advisory' AND granted"""
#: Once each: an engine waits longer before each restart of a process that dies again soon, so many
#: random kills would test the engine and not us.
KILLED = ("dispatcher", "postgres", "ingest", "kafka", "ledger", "reports", "webhooks", "gateway")
#: Payments a minute that the replicas may send together, and that the provider takes. They are too
#: few to pay the roster within a minute, so that the limit is reached, and so close to each other
#: that two separate limiters would exceed it.
SHARED_PER_MIN, TAKEN_PER_MIN = 108, 116
LIMIT_S = 360
RELAYS = [service.name for service in catalog.SERVICES if service.topics_out]


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    began = time.monotonic()
    try:
        with engine() as found:
            announce(
                f"engine {found.host.partition('://')[0]}, {' '.join(found.compose)}: "
                f"{time.monotonic() - began:.0f} s"
            )
            yield found
        announce(
            f"in all: {time.monotonic() - began:.0f} s; "
            f"with base images at hand it should be less than {LIMIT_S} s"
        )
    except CommandError as error:
        announce(f"!!! SKIPPED: containers were not tried: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def project(docker: Engine) -> Iterator[Project]:
    began = time.monotonic()
    bases = images(docker)
    announce(f"base images {', '.join(bases.values())}: {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    build(docker, bases)
    announce(f"image built: {time.monotonic() - began:.0f} s")
    made = Project(docker, bases)
    made.down()
    yield made
    left = made.down()
    remove_image(docker)
    assert not left, left


@pytest.fixture(scope="module")
def system(project: Project) -> System:
    announce(f"up: {project.up():.0f} s")
    return System(project, project.kill)


def test_the_image_holds_what_it_needs_and_no_more(project: Project) -> None:
    def output(*words: str) -> str:
        options = ("--rm", "--read-only", "--network", "none")
        return project.engine.docker("run", *options, IMAGE, *words).stdout.strip()

    def shell(script: str) -> str:
        return output("sh", "-c", script)

    assert output("id", "-u") == "10001"
    tools = "gcc cc make npm node pip pip3 /opt/venv/bin/pip"
    assert shell(f"for name in {tools}; do command -v $name; done; true") == ""
    packages = "-path '*-packages/pip' -o -path '*-packages/setuptools' -o -name 'pip-*.whl'"
    assert shell(rf"find / -xdev \( {packages} \) 2>/dev/null; true") == ""
    assert shell("find /app /opt/venv -writable | head -1") == ""
    assert shell("ls /app/dashboard/dist/index.html") == "/app/dashboard/dist/index.html"
    assert shell("ls /app/devtools 2>/dev/null; true") == ""
    history = project.engine.docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE)
    assert "secret" not in history.stdout.lower()


def test_only_the_gateway_and_the_webhook_port_are_seen_from_outside(
    system: System, project: Project
) -> None:
    assert httpx.get(project.ports.url("gateway"), timeout=10).status_code == 200
    published = {
        c["Config"]["Labels"]["com.docker.compose.service"]
        for c in project.containers()
        if any((c["NetworkSettings"]["Ports"] or {}).values())
    }
    assert published == {
        "gateway",
        "webhooks",
        "simulator",
    }  # the simulator by tests/containers/published.yml
    hosts = {
        p["HostIp"]
        for c in project.containers()
        for ports in (c["NetworkSettings"]["Ports"] or {}).values()
        for p in ports or ()
    }
    assert hosts == {"127.0.0.1"}


def test_a_roster_is_paid_once_while_processes_are_killed(system: System) -> None:
    run = paid_under_kills(system, FIRST, 71, limit_s=240, once=KILLED, every_s=1.0)
    announce(
        f"{run['batch']['payments']['total']} payments "
        f"under {sum(run['killed'].values())} kills {dict(run['killed'])}"
    )
    assert set(run["killed"]) == set(KILLED)
    assert httpx.get(f"{system.simulator}/books").json()["limit_violations"] == 0


def test_two_replicas_of_each_service_pay_once_keep_the_limit_and_have_one_relay(
    system: System, project: Project
) -> None:
    scale = [word for name in NAMES for word in ("--scale", f"{name}=2")]
    slow = {"PAYDOWN_TEST_PAYMENTS_PER_MIN": str(SHARED_PER_MIN)}
    announce(f"two replicas of each: {project.up(*scale, more=slow):.0f} s")
    assert {
        name: sum(one.name == name for one in project.status()) for name in NAMES
    } == dict.fromkeys(NAMES, 2)
    before = httpx.get(f"{system.simulator}/books").json()["payments"]
    doubled = System(project, project.kill)
    doubled.control_simulator("limits", {"payments_per_min": TAKEN_PER_MIN})
    run = paid_under_kills(doubled, SECOND, 72, limit_s=240, earlier=[FIRST], every_s=5.0)
    total = run["batch"]["payments"]["total"]
    announce(f"{total} payments by two replicas under {sum(run['killed'].values())} kills")
    books = httpx.get(f"{doubled.simulator}/books").json()
    assert books["limit_violations"] == 0
    assert books["payments"] - before >= total > TAKEN_PER_MIN
    for name in RELAYS:
        assert project.sql(catalog.find(name).database, ADVISORY_LOCKS) == "1", name


def test_a_database_of_a_newer_version_is_refused_in_one_sentence(
    system: System, project: Project
) -> None:
    project.sql(
        catalog.find("ledger").database, "UPDATE alembic_version SET version_num = 'ledger_c1_0099'"
    )
    for command in (
        ("migrate", "python", "-m", "services", "migrate", "ledger"),
        ("ledger", "python", "-m", "services", "ledger"),
    ):
        refused = project.compose("run", "--rm", "--no-deps", *command, check=False)
        lines = (refused.stdout + refused.stderr).splitlines()
        sentences = [line for line in lines if "newer version" in line]
        assert (refused.returncode, len(sentences)) == (2, 1), refused
        assert "Traceback" not in refused.stdout + refused.stderr


def test_a_missing_secret_and_an_unreachable_broker_are_each_one_sentence(project: Project) -> None:
    def refused(*words: str) -> str:
        answer = project.engine.docker("run", "--rm", "--network", "none", *words, check=False)
        assert answer.returncode == 2, answer
        assert "Traceback" not in answer.stderr
        return answer.stderr.strip()

    secret = "PAYDOWN_LEDGER_DATABASE_URL_FILE=/run/secrets/database_url"
    assert "PAYDOWN_LEDGER_DATABASE_URL_FILE names a file that cannot be read" in refused(
        "-e", secret, IMAGE, "python", "-m", "services", "ledger"
    )
    assert "OWNER_URL is not set" in refused(IMAGE, "python", "-m", "services", "migrate")
    assert "Kafka" in refused(
        "-e", "PAYDOWN_KAFKA=127.0.0.1:1", IMAGE, "python", "-m", "services", "topics"
    )


def test_a_wrong_image_starts_nothing(docker: Engine, project: Project) -> None:
    project.down()
    wrong = project.compose(
        "up", "-d", "--no-build", more={"KAFKA_IMAGE": "standin/there-is-none"}, check=False
    )
    assert wrong.returncode != 0
    assert "standin/there-is-none" in wrong.stderr + wrong.stdout
    assert [one.name for one in project.status() if one.name in NAMES] == []
