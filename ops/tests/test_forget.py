"""A person is forgotten: nobody can read the fields any more, and the books stay."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from libs.common.contracts.events.rows import RowRead
from libs.common.crypto.field_encryption import (
    FORGOTTEN,
    FieldCipher,
    Forgotten,
    named_keys,
    new_key,
)
from libs.common.crypto.key_check import WrongKeys
from libs.common.database.engine import connect, run
from libs.common.database.migrate import upgrade
from libs.common.tests import database_copies
from libs.common.tests.database_copies import Copies
from ops import forget
from ops.errors import CommandError
from services import catalog
from services.gateway import app as gateway
from services.gateway.store.audit import first_broken_line, list_lines
from services.ingest import app, forgotten_people, key_check, recovery
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import KEY, IngestHarness

pytestmark = pytest.mark.database
ORDER = forget.Order(" emp-1", "Ada Admin", "asked by letter of 2026-11-02")
IDA, BOB = "EMP-1", "EMP-2"
FIELDS = ("first_name", "last_name", "dob", "phone", "loan")


@dataclass
class Installation:
    """An ingest, a gateway's database, and a file with the keys."""

    ingest: IngestHarness
    keys: Path
    folder: Path
    urls: dict[str, str]

    def restart(self) -> int:
        """Ingest with the keys of the file, after its start; how many people it overwrote."""
        self.ingest.engine.dispose()
        self.ingest = IngestHarness.make(
            self.urls["ingest"], self.folder, seal_keys=self.keys.read_text()
        )
        return forgotten_people.overwrite_all(
            self.ingest.engine, self.ingest.encryption, self.ingest.folder
        )

    def forget(self) -> list[str]:
        lines = list[str]()
        forget.forget(ORDER, self.keys, lines.append)
        return lines


@pytest.fixture
def here(
    make_database: Callable[[str], tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    urls = {}
    for service, migrations in (("ingest", app.MIGRATIONS), ("gateway", gateway.MIGRATIONS)):
        urls[service], owner_url = make_database(service)
        upgrade(owner_url, migrations)
        monkeypatch.setenv(f"PAYDOWN_{service.upper()}_DATABASE_URL", urls[service])
    monkeypatch.setenv("PAYDOWN_INGEST_INDEX_KEY", KEY)
    keys = tmp_path / "seal_keys"
    keys.write_text(f"k2:{new_key()},k1:{KEY}")
    ingest = IngestHarness.make(urls["ingest"], tmp_path / "files", seal_keys=keys.read_text())
    return Installation(ingest, keys, tmp_path / "files", urls)


def people(filler: str = "") -> bytes:
    """Two rows of Ida and one of Bob."""
    bob = {
        "Employee/DunkinId": BOB,
        "Employee/FirstName": "Bob",
        "Employee/LastName": "Stone",
        "Employee/PhoneNumber": "+15125550177",
    }
    return roster(
        row(),
        row({"Payee/LoanAccountNumber": "76543210"}),
        row({**bob, "Payee/LoanAccountNumber": "55554444"}),
    ).replace(b"</root>", f"{filler}</root>".encode())


def paid(ingest: IngestHarness, xml: bytes, **query: str) -> Any:
    batch = ingest.ready(xml, **query)
    answer = ingest.approve(batch)
    assert answer.status_code == 200, answer.text
    ingest.end(batch, ingest.payments(batch), "completed", "settle")
    ingest.certify(batch)
    ended = ingest.batch(batch["batch_id"])
    assert ended["status"] == "completed"
    return ended


def names(ingest: IngestHarness, batch: Any) -> list[tuple[str, str]]:
    return [(one["employee_id"], one["last_name"]) for one in ingest.rows(batch)]


def found(ingest: IngestHarness, q: str) -> list[Any]:
    people: list[Any] = ingest.call("POST", "/people", json={"q": q}).json()["items"]
    return people


def everything_clear(ingest: IngestHarness) -> str:
    with ingest.engine.connect() as connection:
        return "\n".join(
            str(value)
            for table in ("batch_row", "person_term", "issue")
            for value in run(connection, f"SELECT CAST(t.* AS text) FROM {table} t").scalars()
        )


def test_a_person_is_unreadable_afterwards_and_the_books_are_as_before(here: Installation) -> None:
    batch = paid(here.ingest, people())
    messages = here.ingest.published(batch["batch_id"], RowRead)
    with here.ingest.engine.connect() as connection:
        sealed = run(connection, "SELECT * FROM row_seal").all()
    assert found(here.ingest, "obrien")
    report = "\n".join(here.forget())
    assert "the key was destroyed" in report
    assert "2 rows in 1 batches" in report
    assert "14.06 USD" in report
    assert here.restart() == 1
    assert here.restart() == 0
    ingest = here.ingest
    # nothing encrypted can be read, on topics (the outbox has their bytes) or in the database
    cipher = FieldCipher.parse(here.keys.read_text())
    for one in messages:
        for field in FIELDS:
            if one.employee_id == IDA:
                with pytest.raises(Forgotten):
                    cipher.decrypt(getattr(one, field), field, str(one.row_id))
            else:
                assert cipher.decrypt(getattr(one, field), field, str(one.row_id))
    assert sum(cipher.is_forgotten(one.first_name) for one in sealed) == 2
    # nothing is in clear
    assert names(ingest, batch) == [(IDA, FORGOTTEN), (IDA, FORGOTTEN), (BOB, "Stone")]
    clear = everything_clear(ingest)
    assert "Brien" not in clear
    assert "brien" not in clear
    assert found(ingest, "obrien") == []
    assert found(ingest, "EMP-1")[0]["last_name"] == FORGOTTEN
    assert found(ingest, "stone")[0]["employee_id"] == BOB
    assert ingest.folder.was_removed(UUID(batch["batch_id"]))
    # the books are as before, and the same rows are not paid again
    same = ("status", "digest", "rows", "amount_cents", "approved_by")
    now = ingest.batch(batch["batch_id"])
    assert {name: now[name] for name in same} == {name: batch[name] for name in same}
    again = ingest.ready(people(" "), period=batch["period"])
    assert (again["rows"]["payable"], again["rows"]["excluded"]) == (0, 3)


def test_both_lines_of_the_audit_log_name_who_wanted_it_and_why(here: Installation) -> None:
    paid(here.ingest, people())
    here.forget()
    assert "nothing was changed" in here.forget()[0]
    engine = connect(here.urls["gateway"], "test")
    with engine.connect() as connection:
        lines, total = list_lines(connection, 10, None, None)
        assert first_broken_line(connection) is None
    engine.dispose()
    assert total == 4
    assert [(one["kind"], one["person"], one["subject"]) for one in reversed(lines)] == [
        (kind, "Ada Admin", " emp-1: asked by letter of 2026-11-02")
        for kind in ("intent", "outcome", "intent", "outcome")
    ]


def test_each_container_of_an_installation_gets_the_keys(here: Installation) -> None:
    paid(here.ingest, people())
    folder, before = here.keys.with_name("secrets"), here.keys.read_text()
    for name in ("keys", *catalog.ENCRYPTING):
        (folder / name).mkdir(parents=True)
    everything = folder / "keys" / "keys.json"
    everything.write_text(json.dumps({"seal_keys": before, "index_key": KEY}))
    forget.forget(ORDER, folder, lambda _: None)
    found = json.loads(everything.read_text())
    assert found["index_key"] == KEY
    assert named_keys(found["seal_keys"]) == named_keys(before)
    assert found["seal_keys"] != before
    (folder / "ingest" / "seal_keys").unlink()  # as if it had been interrupted
    forget.forget(ORDER, folder, lambda _: None)
    for name in catalog.ENCRYPTING:
        assert (folder / name / "seal_keys").read_text() == found["seal_keys"]


def test_who_is_in_a_roster_again_is_encrypted_under_another_key(here: Installation) -> None:
    first = paid(here.ingest, people())
    here.forget()
    here.restart()
    second = paid(here.ingest, people(" "), period="2027-01-15")
    assert here.restart() == 0
    assert names(here.ingest, second)[0] == (IDA, "O'Brien")
    assert names(here.ingest, first)[0] == (IDA, FORGOTTEN)
    assert found(here.ingest, "obrien")
    assert "the key was destroyed" in here.forget()[0]
    assert here.restart() == 1
    assert names(here.ingest, second)[0] == (IDA, FORGOTTEN)
    assert "Brien" not in everything_clear(here.ingest)


def test_failed_rows_of_a_forgotten_person_are_in_no_child_batch(here: Installation) -> None:
    batch = here.ingest.ready(people())
    assert here.ingest.approve(batch).status_code == 200
    here.ingest.end(batch, here.ingest.payments(batch))
    here.ingest.certify(batch, "completed_with_failures")
    rows = {one["row_id"]: one["employee_id"] for one in here.ingest.rows(batch)}
    here.forget()
    here.restart()
    chosen = here.ingest.child(batch, rows=list(rows))
    assert (chosen.status_code, chosen.json()["code"]) == (409, "child.row-not-free")
    child = here.ingest.child(batch, filter={"status": "failed"})
    assert child.status_code == 202, child.text
    found = here.ingest.rows(here.ingest.check(child.json()["batch_id"]))
    assert [one["employee_id"] for one in found] == [BOB]


def test_a_person_with_a_payment_under_way_stays(here: Installation) -> None:
    batch = here.ingest.ready(people())
    keys = here.keys.read_text()
    with pytest.raises(CommandError, match=rf"{batch['batch_id']} \(ready\)"):
        here.forget()
    assert here.ingest.approve(batch).status_code == 200
    with pytest.raises(CommandError, match=rf"{batch['batch_id']} \(approved\)"):
        here.forget()
    assert here.keys.read_text() == keys


def test_a_recovery_from_topics_does_not_bring_the_person_back(
    here: Installation, postgres_url: str
) -> None:
    copies = Copies(postgres_url, here.urls["ingest"])
    here.ingest.engine.dispose()
    backup = copies.make()
    batch = paid(here.ingest, people())
    here.forget()
    here.restart()
    messages = database_copies.messages(here.ingest.engine)
    here.ingest.engine.dispose()
    here.urls["ingest"] = copies.url(backup)
    here.restart()
    first = database_copies.quarantine_copy(here.ingest.engine, messages)
    recovery.recover_batches(here.ingest.engine, here.ingest.encryption, first)
    assert names(here.ingest, batch) == [(IDA, FORGOTTEN), (IDA, FORGOTTEN), (BOB, "Stone")]
    assert here.ingest.batch(batch["batch_id"])["digest"] == batch["digest"]
    again = here.ingest.ready(people(" "), period=batch["period"])
    assert (again["rows"]["payable"], again["rows"]["excluded"]) == (0, 3)
    here.ingest.engine.dispose()
    copies.drop()


def test_an_older_copy_of_the_database_is_overwritten_when_ingest_starts(
    here: Installation, postgres_url: str
) -> None:
    batch = paid(here.ingest, people())
    copies = Copies(postgres_url, here.urls["ingest"])
    here.ingest.engine.dispose()
    backup = copies.make()
    here.forget()
    here.ingest.engine.dispose()
    here.urls["ingest"] = copies.url(backup)
    assert here.restart() == 1
    assert names(here.ingest, batch)[0] == (IDA, FORGOTTEN)
    here.ingest.engine.dispose()
    copies.drop()


@pytest.mark.parametrize(
    ("order", "keys", "says"),
    [
        (forget.Order("EMP-9", "ada", "why"), "", "no roster names the employee EMP-9"),
        (forget.Order(IDA, " ", "why"), "", "--by names"),
        (forget.Order(IDA, "ada", ""), "", "--reason says why"),
        (ORDER, f"k1:{KEY}", "rotate-keys add"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    here: Installation, order: forget.Order, keys: str, says: str
) -> None:
    if keys:
        here.keys.write_text(keys)
    with pytest.raises(CommandError, match=says):
        forget.forget(order, here.keys)


def test_with_a_copy_of_the_keys_from_before_ingest_does_not_start(here: Installation) -> None:
    paid(here.ingest, people())
    before = here.keys.read_text()
    here.forget()
    here.restart()
    key_check.check(here.ingest.engine, here.ingest.encryption)
    here.keys.write_text(before)
    here.restart()
    with pytest.raises(WrongKeys, match="is an older copy, which can read people"):
        key_check.check(here.ingest.engine, here.ingest.encryption)


def test_with_another_index_key_nothing_is_destroyed(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(here.ingest, people())
    keys = here.keys.read_text()
    monkeypatch.setenv("PAYDOWN_INGEST_INDEX_KEY", base64.b64encode(bytes(range(1, 33))).decode())
    with pytest.raises(CommandError, match="is not the key its database was filled with"):
        here.forget()
    assert here.keys.read_text() == keys


def test_while_ingest_runs_nobody_is_forgotten(here: Installation) -> None:
    running = connect(here.urls["ingest"], "paydown-ingest")
    with running.connect(), pytest.raises(CommandError, match="ingest is running"):
        here.forget()
    running.dispose()


def test_rows_older_than_the_keys_of_people_are_said_to_stay_readable(here: Installation) -> None:
    new = here.keys.read_text()
    here.keys.write_text(f"k1:{KEY}")
    here.restart()
    batch = paid(here.ingest, people())
    here.keys.write_text(new)
    assert "2 rows are older than the keys of people" in here.forget()[-1]
    assert here.restart() == 1  # in clear they are nowhere
    assert names(here.ingest, batch)[0] == (IDA, FORGOTTEN)
