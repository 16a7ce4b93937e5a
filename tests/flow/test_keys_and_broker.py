"""A new encryption key in the middle of a batch, wrong keys, and a broker that loses its topics."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from devtools import paths, sample_roster
from devtools.stack.stack import Stack
from ops import rotate_keys
from ops.errors import CommandError
from services import catalog
from tests.flow.checks import paid_exactly_once, reports_agree
from tests.flow.harness import LocalSystem, Report, eventually, running

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]
FIRST, SECOND = sample_roster.make(150, 21), sample_roster.make(150, 22)
NEXT_PERIOD = "2027-01-15"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    with running(tmp_path_factory.mktemp("keys"), "flow_keys") as made:
        yield made


def without_late_columns(report: Report) -> list[dict[str, str]]:
    """A report without the columns that the provider still changes after a payment arrived."""
    return [
        {
            name: value
            for name, value in line.items()
            if name not in ("updated_at", "provider_status")
        }
        for line in report
    ]


def restart(stack: Stack) -> None:
    stack.down()
    stack.up()


def test_an_encryption_key_is_changed_in_the_middle_of_a_batch(system: LocalSystem) -> None:
    file = system.stack.state / "keys.json"
    first = system.corrected(system.ready(FIRST))
    rotate_keys.rotate("add", file)
    with pytest.raises(CommandError, match="started without local-2"):
        rotate_keys.rotate("use", file)
    restart(system.stack)
    system.approve(first)  # nothing is prepared yet: values are decrypted after the first step
    eventually(lambda: system.batch(first["batch_id"])["payments"]["completed"] > 5, 120)
    assert rotate_keys.rotate("use", file).changed
    restart(system.stack)
    second = system.corrected(system.ready(SECOND, period=NEXT_PERIOD))
    system.approve(second)
    for batch, xml in ((first, FIRST), (second, SECOND)):
        system.wait(batch["batch_id"], {"completed"}, 240)
        assert all(
            line["first_name"] and line["last_name"]
            for line in reports_agree(system, batch["batch_id"], xml)
        )
    paid_exactly_once(system, FIRST, SECOND)

    shown = system.run_command("ops", "key-usage")
    assert shown.returncode == 0, shown.stderr
    lines = {tuple(line.split()[:3]): line for line in shown.stdout.splitlines()}
    assert set(lines) == {
        (name, *key)
        for name in catalog.ENCRYPTING
        for key in (("local-2", "encrypts"), ("local-1", "decrypts"))
    }
    unused = {key[0] for key, line in lines.items() if "nothing is encrypted" in line}
    assert unused == {"gateway"}, shown.stdout  # nobody has chosen where to be notified


@pytest.mark.parametrize(
    ("service", "setting", "value", "says"),
    [
        (
            "ingest",
            "INDEX_KEY",
            "A" * 43 + "=",
            "PAYDOWN_INGEST_INDEX_KEY is not the key its database was filled with",
        ),
        ("ingest", "SEAL_KEYS", "new:" + "A" * 43 + "=", "sealed under local-1, local-2, which"),
        (
            "dispatcher",
            "SEAL_KEYS",
            "new:" + "A" * 43 + "=",
            "sealed under local-1, local-2, which",
        ),
        (
            "reports",
            "SEAL_KEYS",
            "local-2:" + "A" * 43 + "=,local-1:" + "A" * 43 + "=",
            "the key named local-1",
        ),
    ],
)
def test_with_other_keys_a_service_does_not_start_and_says_why(
    system: LocalSystem, service: str, setting: str, value: str, says: str
) -> None:
    environment = system.stack.env_for(service) | {
        f"PAYDOWN_{service.upper()}_{setting}": value,
        f"PAYDOWN_{service.upper()}_PORT": "1",
    }
    tried = subprocess.run(
        [str(paths.PYTHON), "-m", "services", service],
        cwd=paths.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (tried.returncode, tried.stderr.count("\n")) == (2, 1), tried.stderr
    assert says in tried.stderr


def test_a_lost_broker_is_filled_again_and_the_books_stay_as_they_are(system: LocalSystem) -> None:
    stack = system.stack
    batches = sorted(system.get("/batches").json()["items"], key=lambda batch: batch["uploaded_at"])
    before = {
        batch["batch_id"]: reports_agree(system, batch["batch_id"], xml)
        for batch, xml in zip(batches, (FIRST, SECOND), strict=True)
    }
    paid = system.provider_calls()["POST /payments"]
    assert (
        "is running; stop all services first"
        in system.run_command("ops", "republish", "all").stderr
    )
    stack.down()
    with pytest.raises(CommandError, match="nothing was lost"):
        stack.up(republish=True)

    shutil.rmtree(stack.state / "kafka" / "data")
    with pytest.raises(CommandError, match=r"deleted and made again|keeps ending"):
        stack.up()
    # a relay may have written something new before the others ended, and that is refused
    shutil.rmtree(stack.state / "kafka" / "data")
    stack.up(republish=True)
    watch = system.run_command("ops", "republish", "watch")
    assert watch.returncode == 0, watch.stderr
    assert "0 messages to be sent, 0 to be read\n" in watch.stdout
    for batch_id, xml in zip(before, (FIRST, SECOND), strict=True):
        assert without_late_columns(reports_agree(system, batch_id, xml)) == without_late_columns(
            before[batch_id]
        )
    assert system.provider_calls()["POST /payments"] == paid, (
        "nothing was sent to the provider again"
    )
    assert system.get("/ops/dead-letters").json()["items"] == []
    for name in catalog.REBUILDABLE:
        system.rebuild(name)

    third_xml = sample_roster.make(60, 23)
    third = system.corrected(system.ready(third_xml, period="2027-01-29"))
    system.approve(third)
    system.wait(third["batch_id"], {"completed"}, 240)
    reports_agree(system, third["batch_id"], third_xml)
    paid_exactly_once(system, FIRST, SECOND, third_xml)
