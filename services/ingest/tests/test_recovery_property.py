"""Normal life gives the same database as "lose the newest part, and recover it".

A scenario runs on one database, which is backed up in the middle. Then the backup is restored and
recovered, and the other services' messages since then are delivered again, as Kafka does. Both
databases finish their open work. Then all tables of ingest are compared, row by row.

What cannot be equal is exempt, each column for a reason (`EXEMPT`).
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, example, given, note, settings

from libs.common.contracts.events.batches import BatchChanged
from libs.common.database.engine import run
from libs.common.database.migrate import upgrade
from libs.common.tests.database_copies import Copies
from services.ingest import approvals
from services.ingest.app import MIGRATIONS
from services.ingest.domain.batch import UNAPPROVED
from services.ingest.encryption import FieldEncryption, account_row_id
from services.ingest.housekeeping import run_housekeeping
from services.ingest.store import batches
from services.ingest.store.newest_events import list_newest
from services.ingest.tests.backups import BackedUpIngest
from services.ingest.tests.harness import IngestHarness
from services.ingest.tests.scenarios import APPROVED, Step, live, steps

pytestmark = pytest.mark.database

#: What became of a batch since the backup. The backup has it approved; it was approved since; it
#: is open; it is open, and its file is read again; it ended unapproved; or the backup lacks it,
#: and nobody approved it.
KEPT, RECOVERED, OPEN, READ_AGAIN = "kept", "recovered", "open", "read again"
ENDED, LOST = "ended", "lost"
APPROVED_ONCE: Final = (KEPT, RECOVERED)
OPEN_STILL: Final = (OPEN, READ_AGAIN)
EVERY: Final = (*APPROVED_ONCE, *OPEN_STILL, ENDED)
#: Tables of libs.common: the messages themselves, and how far they were read.
MESSAGING: Final = frozenset(
    ["alembic_version", "outbox", "inbox", "consumer_offset", "dead_letter", "restored"]
)


class Exemption(NamedTuple):
    """Columns of a table (all of them if none is named) that need not be equal, and why."""

    table: str
    columns: tuple[str, ...]
    of: tuple[str, ...]
    why: str


CLOCK: Final = "the local clock"
NOT_PUBLISHED: Final = "not published"
IN_THE_FILE: Final = "only in the file"
CHECKED_AGAIN: Final = "an open batch is checked once more; see also check_published"
OVER: Final = "nobody decides on it any more"

EXEMPT: Final = (
    Exemption("batch", ("version",), EVERY, "a recovery publishes further versions"),
    Exemption("batch", ("ready_at",), EVERY, CLOCK),
    Exemption("batch", ("ended_at",), APPROVED_ONCE, CLOCK),
    Exemption("batch", ("dispatch_version",), APPROVED_ONCE, "ended batches do not follow it"),
    Exemption("person_term", (), (KEPT,), "of all rows, also of batches that are lost"),
    # approved since the backup
    Exemption("batch", ("made_because",), (RECOVERED,), NOT_PUBLISHED),
    Exemption("batch_row", ("line",), (RECOVERED,), IN_THE_FILE),
    Exemption("row_seal", ("written",), (RECOVERED,), IN_THE_FILE),
    Exemption("issue", (), (RECOVERED,), "not published; the approver has acknowledged them"),
    Exemption("approval", ("acknowledged",), (RECOVERED,), NOT_PUBLISHED),
    Exemption("first_approval", ("acknowledged",), (RECOVERED,), NOT_PUBLISHED),
    Exemption("correction", (), (RECOVERED,), "not published; contributors are compared"),
    # open
    Exemption("batch", ("revision", "row_messages"), OPEN_STILL, CHECKED_AGAIN),
    Exemption("batch_row", ("revision",), OPEN_STILL, CHECKED_AGAIN),
    Exemption("preflight", (), OPEN_STILL, CHECKED_AGAIN),
    Exemption("batch_source", ("line1",), OPEN_STILL, "a lost correction must be made again"),
    Exemption("correction", (), OPEN_STILL, "as above; contributors are compared"),
    Exemption("batch", ("digest",), OPEN_STILL, "it covers the corrections"),
    # ended without an approval
    Exemption("batch", ("digest", "revision", "row_messages"), (ENDED,), OVER),
    Exemption("batch", ("error_code", "error_message", "error_line"), (ENDED,), NOT_PUBLISHED),
    Exemption("discard", ("discarded_by", "discarded_at"), (ENDED,), NOT_PUBLISHED),
    Exemption("batch_row", (), (ENDED,), OVER),
    Exemption("row_seal", (), (ENDED,), OVER),
    Exemption("batch_source", (), (ENDED,), OVER),
    Exemption("batch_total", (), (ENDED,), OVER),
    Exemption("issue", (), (ENDED,), OVER),
    Exemption("correction", (), (ENDED,), OVER),
    Exemption("decision", (), (ENDED,), OVER),
    Exemption("decision_row", (), (ENDED,), OVER),
    Exemption("approval_request", (), (ENDED,), OVER),
    Exemption("amendment", (), (ENDED,), OVER),
    Exemption("amendment_row", (), (ENDED,), OVER),
    Exemption("preflight", (), (ENDED,), OVER),
)

#: How the batch of a row is found, where the table has no batch_id.
_SELECT: Final = {
    "row_seal": "SELECT t.*, r.batch_id FROM row_seal t JOIN batch_row r USING (row_id)",
    # The rows of decisions that were taken back are not published.
    "decision_row": "SELECT * FROM decision_row WHERE standing",
    # Those of open batches are lost: somebody approves them once more.
    "first_approval": """
        SELECT f.* FROM first_approval f JOIN approval USING (batch_id, digest) WHERE NOT void""",
    "amendment_row": "SELECT * FROM amendment_row WHERE standing",
    "payment_row": "SELECT t.*, p.batch_id FROM payment_row t JOIN payment p USING (payment_id)",
}
_GENERATED: Final = ("issue_id", "correction_id")


@pytest.fixture(scope="module")
def new_database(
    postgres_url: str, make_database: Callable[[str], tuple[str, str]]
) -> Iterator[Copies]:
    """Copies of a migrated database that is empty."""
    service_url, owner_url = make_database("ingest")
    upgrade(owner_url, MIGRATIONS)
    made = Copies(postgres_url, service_url)
    yield made
    made.drop()


def column_values(ingest: IngestHarness, table: str) -> list[dict[str, Any]]:
    """All rows of a table, with encrypted values decrypted."""
    with ingest.engine.connect() as connection:
        found = run(connection, _SELECT.get(table, f"SELECT * FROM {table}")).mappings().all()
    return [_decrypted(ingest.encryption, table, dict(row)) for row in found]


def _decrypted(encryption: FieldEncryption, table: str, row: dict[str, Any]) -> dict[str, Any]:
    if table == "row_seal":
        row |= {
            field: encryption.decrypt(row[field], field, str(row["row_id"]))
            for field in ("first_name", "last_name", "dob", "phone", "loan", "written")
        }
    if table == "batch_source":
        row_id = account_row_id(row["batch_id"], row["source_account_id"])
        row["account"] = encryption.decrypt(row["account"], "account", row_id)
    return {name: value for name, value in row.items() if name not in _GENERATED}


def comparable(ingest: IngestHarness, fates: dict[UUID, str]) -> dict[str, list[str]]:
    """Every table of ingest as sorted texts, without what is exempt."""
    with ingest.engine.connect() as connection:
        names = run(
            connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        ).scalars()
        tables = [name for name in names if name not in MESSAGING]
    return {
        table: sorted(
            shown
            for row in column_values(ingest, table)
            if (shown := _without_exempt(table, row, fates))
        )
        for table in tables
    }


def _without_exempt(table: str, row: dict[str, Any], fates: dict[UUID, str]) -> str:
    fate = fates[row["batch_id"]] if "batch_id" in row else KEPT
    if fate == LOST:
        return ""
    exempt = [one.columns for one in EXEMPT if one.table == table and fate in one.of]
    if () in exempt:
        return ""
    left_out = {column for columns in exempt for column in columns}
    return str({name: value for name, value in row.items() if name not in left_out})


def contributors(ingest: IngestHarness, fates: dict[UUID, str]) -> dict[UUID, frozenset[str]]:
    """Who may not approve a batch. When a file is read again, corrections are undone."""
    with ingest.engine.connect() as connection:
        return {
            batch_id: batches.list_contributors(connection, batch_id)
            for batch_id, fate in fates.items()
            if fate in (KEPT, RECOVERED, OPEN)
        }


def batch_statuses(ingest: IngestHarness) -> dict[UUID, str]:
    return {row["batch_id"]: row["status"] for row in column_values(ingest, "batch")}


def fates_since(backup: dict[UUID, str], now: dict[UUID, str]) -> dict[UUID, str]:
    """What became of each batch; see above."""

    def fate(batch_id: UUID, status: str) -> str:
        if status in APPROVED:
            return KEPT if backup.get(batch_id) in APPROVED else RECOVERED
        if batch_id not in backup:
            return LOST
        if status not in ("reading", "checking", "ready"):
            return ENDED
        return READ_AGAIN if backup[batch_id] == "reading" else OPEN

    return {batch_id: fate(batch_id, status) for batch_id, status in now.items()}


def finish_open_work(ingest: IngestHarness) -> None:
    """Read, check and archive what can be; check twice, so that outcomes depend on claims alone."""
    ingest.read_all()
    for _ in range(2):
        with ingest.engine.begin() as connection:
            for batch_id, status in batch_statuses(ingest).items():
                if status == "ready":
                    batch = batches.get_batch(connection, batch_id)
                    approvals.check_again(connection, batch, datetime.now(UTC))
        for batch_id, status in batch_statuses(ingest).items():
            if status == "checking":
                ingest.preflight(str(batch_id))
        ingest.finalize_all()
    run_housekeeping(ingest.engine, ingest.folder, ready_days=30, archive_days=0)


def discard_lost(ingest: IngestHarness, fates: dict[UUID, str]) -> None:
    """Discard what a recovery discards: batches that the backup lacks and nobody approved."""
    with ingest.engine.begin() as connection:
        for batch_id, fate in fates.items():
            if fate == LOST:
                batches.set_status(connection, batch_id, "discarded", UNAPPROVED)


def check_published(ingest: IngestHarness, fates: dict[UUID, str]) -> None:
    """Every batch is as its newest event says, and has counted the messages of its rows."""
    with ingest.engine.connect() as connection:
        newest = list_newest(connection, 0, BatchChanged)
        row_events = run(
            connection,
            "SELECT correlation FROM outbox WHERE topic = 'parsed-rows' ORDER BY correlation",
        ).scalars()
        counts = {name: len(list(found)) for name, found in groupby(row_events)}
        for event in newest:
            batch = batches.get_batch(connection, event.batch_id)
            assert (batch.status, batch.version) == (event.status, event.version)
            if fates[batch.batch_id] not in (ENDED, LOST):
                assert batch.row_messages == counts.get(str(batch.batch_id), 0)


FREED_AND_TAKEN_AGAIN: Final[list[Step]] = [
    *[("make_ready", 15), ("approve", 0), ("end_payments", 2), ("make_ready", 15), ("approve", 0)],
    *[("end_payments", 1), ("derive", 0), ("check", 1), ("approve", 0), ("certify", 1)],
]
INCLUDED: Final[list[Step]] = [
    *[("make_ready", 127), ("approve", 0), ("dispatch", 1), ("make_ready", 31), ("approve", 1)],
    *[("certify", 0), ("archive", 0)],
]
CORRECTED_AND_ENDED: Final[list[Step]] = [
    *[("make_ready", 31), ("correct", 7), ("check", 1), ("upload", 0), ("make_ready", 8)],
    *[("approve", 0), ("read", 0), ("discard", 0), ("expire", 0), ("upload", 4)],
]
# The second end comes in one run with the first when messages are read again.
ENDED_TWICE: Final[list[Step]] = [
    *[("derive", 72), ("correct", 55), ("end_payments", 13), ("make_ready", 41)],
    *[("make_ready", 120), ("approve", 110), ("discard", 50), ("expire", 45)],
    *[("end_payments", 23), ("approve", 109), ("make_ready", 60), ("make_ready", 43)],
    *[("expire", 72), ("end_payments", 98)],
]
# The second batch spells person and loan in another way.
SPELLED: Final[list[Step]] = [
    *[("make_ready", 1), ("approve", 0), ("end_payments", 0), ("make_ready", 128), ("approve", 0)],
    *[("make_ready", 4), ("approve", 0)],
]
DECIDED: Final[list[Step]] = [
    *[("make_ready", 31), ("hold", 3), ("check", 1), ("decide", 0), ("check", 1), ("decide", 2)],
    *[("check", 1), ("take_back", 0), ("check", 1), ("approve", 0), ("make_ready", 63)],
    *[("decide", 1), ("check", 1), ("lift", 0), ("check", 1), ("approve", 1), ("make_ready", 31)],
    ("decide", 1),
]
ASKED: Final[list[Step]] = [
    *[("make_ready", 31), ("ask", 0), ("answer", 0), ("decide", 0), ("check", 1), ("ask", 1)],
    *[("answer", 1), ("ask", 0), ("make_ready", 8), ("ask", 1), ("approve", 0), ("ask", 0)],
]
RULED: Final[list[Step]] = [
    *[("make_ready", 31), ("set_rules", 5), ("approve", 0), ("second", 0), ("make_ready", 8)],
    *[("approve", 0), ("ask", 0), ("answer", 0), ("second", 0), ("approve", 0), ("set_rules", 8)],
    *[("set_rules", 1), ("make_ready", 36), ("approve", 0), ("set_rules", 2), ("set_rules", 3)],
]
# The person of the last row was approved under another birth date; the row before has no merchant.
AMENDED: Final[list[Step]] = [
    *[("make_ready", 8), ("approve", 0), ("make_ready", 545), ("amend", 2), ("check", 1)],
    *[("amend", 1), ("check", 1), ("amend", 0), ("check", 1), ("take_back", 1), ("check", 1)],
    *[("approve", 0), ("make_ready", 513), ("amend", 0), ("check", 1), ("amend", 1)],
]
# The new loan is paid, and paid again in a child batch; the next batch names the old one.
REDIRECTED: Final[list[Step]] = [
    *[("upload", 31), ("read", 0), ("check", 1), ("amend", 3), ("check", 1), ("approve", 0)],
    *[("end_payments", 2), ("derive", 0), ("check", 1), ("approve", 0), ("lift", 0)],
    *[("make_ready", 63), ("amend", 9)],
]
MENDED: Final[list[Step]] = [
    *[("make_ready", 65), ("approve", 0), ("mend", 0), ("read", 0), ("check", 1), ("approve", 0)],
    *[("certify", 0), ("mend", 0)],
]
READ_AND_CHECKED: Final[list[Step]] = [("upload", 31), ("read", 0), ("check", 1)]


@given(scenario=steps(), backup_after=steps().map(len))
@example(FREED_AND_TAKEN_AGAIN, 0)
@example(FREED_AND_TAKEN_AGAIN, 2)
@example(INCLUDED, 1)
@example(INCLUDED, 3)
@example(CORRECTED_AND_ENDED, 1)
@example(CORRECTED_AND_ENDED, 4)
@example(ENDED_TWICE, 4)
@example(SPELLED, 2)
@example(SPELLED, 3)
@example(DECIDED, 1)
@example(DECIDED, 6)
@example(DECIDED, 12)
@example(DECIDED, 17)
@example(ASKED, 1)
@example(ASKED, 2)
@example(ASKED, 6)
@example(ASKED, 8)
@example(RULED, 1)
@example(RULED, 3)
@example(RULED, 6)
@example(RULED, 12)
@example(MENDED, 2)
@example(MENDED, 3)
@example(MENDED, 4)
@example(READ_AND_CHECKED, 1)
@example(READ_AND_CHECKED, 2)
@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a scenario takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_normal_life_is_the_same_as_losing_the_newest_part_and_recovering_it(
    new_database: Copies,
    postgres_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    scenario: list[Step],
    backup_after: int,
) -> None:
    note(f"{scenario}, backed up after {backup_after} steps")
    url = new_database.url(new_database.make())
    backed_up = BackedUpIngest(postgres_url, url, tmp_path_factory.mktemp("files"))
    try:
        _compare(backed_up, scenario[:backup_after], scenario[backup_after:])
    finally:
        backed_up.close()


@pytest.mark.parametrize(
    ("scenario", "backup_after"),
    [
        *((AMENDED, after) for after in (1, 3, 8, 11, 15)),
        *((REDIRECTED, after) for after in (1, 3, 4, 6, 7, 10)),
    ],
)
def test_amendments_are_the_same_after_a_restore(
    new_database: Copies,
    postgres_url: str,
    tmp_path: Path,
    scenario: list[Step],
    backup_after: int,
) -> None:
    url = new_database.url(new_database.make())
    backed_up = BackedUpIngest(postgres_url, url, tmp_path)
    try:
        _compare(backed_up, scenario[:backup_after], scenario[backup_after:])
    finally:
        backed_up.close()


def _compare(backed_up: BackedUpIngest, before: list[Step], since: list[Step]) -> None:
    normal = backed_up.ingest
    live(normal, before)
    known, sent = batch_statuses(normal), len(normal.sent)
    backup = backed_up.back_up()
    live(normal, since)
    fates = fates_since(known, batch_statuses(normal))
    recovered = backed_up.restore(backup)
    recovered.send(*normal.sent[sent:])
    discard_lost(normal, fates)
    for ingest in (normal, recovered):
        finish_open_work(ingest)
    assert comparable(recovered, fates) == comparable(normal, fates)
    assert contributors(recovered, fates) == contributors(normal, fates)
    check_published(recovered, fates)
    normal.engine.dispose()
    lost = [batch_id for batch_id, fate in fates.items() if fate == LOST]
    statuses = batch_statuses(recovered)
    unpublished = "discarded"  # a batch whose file was not read yet is gone; its file is removed
    assert {statuses.get(batch_id, unpublished) for batch_id in lost} <= {"discarded"}
