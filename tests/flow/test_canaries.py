"""Personal values are in clear only where one list allows it, after a batch's whole life."""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from devtools.stack import local_stack
from devtools.stack.stack import Stack
from libs.common.crypto.field_encryption import FieldCipher, place_of
from ops.errors import CommandError
from services import catalog
from tests.flow import canaries, places
from tests.flow.checks import comparable
from tests.flow.harness import LocalSystem, Report, eventually, running
from tests.observability.collector import Collector, collecting

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]
MESSAGES = "PAYDOWN_GATEWAY_MESSAGE_SERVICES_FILE"
NOBODY = '{"mail": "mailto://127.0.0.1:9?to={address}&from=a@b.example"}'


@pytest.fixture(scope="module")
def ended(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[LocalSystem, dict[str, Any], Collector]]:
    """A system in which a batch was paid, searched, exported and told of; its spans."""
    folder = tmp_path_factory.mktemp("canaries")
    (folder / "services.json").write_text(NOBODY)
    with collecting() as (url, spans):
        settings = {"PAYDOWN_TRACES_URL": url, MESSAGES: str(folder / "services.json")}
        with running(folder / "state", "flow_canaries", Stack, **settings) as system:
            yield system, paid(system), spans


def paid(system: LocalSystem) -> dict[str, Any]:
    order = {
        "name": "mail",
        "service": "mail",
        "address": canaries.EMAIL,
        "language": "en",
        "events": ["finished", "approved", "approval_waiting"],
    }
    answer = system.order("/notifications/channels", "preparer", json=order)
    assert answer.status_code == 201, answer.text
    batch = system.corrected(system.ready(canaries.roster()))
    system.approve(batch)
    ended = system.wait(batch["batch_id"], {"completed"}, 240)
    for path in (
        "/employees?q=Zarathwick",
        "/search?q=zarath",
        f"/batches/{batch['batch_id']}/rows?q=Quillonby&sort=last_name",
        f"/batches/{batch['batch_id']}/payments?q=Zarathwick",
    ):
        assert "Zarathwick" in system.get(path).text, path
    assert system.get(f"/batches/{batch['batch_id']}/issues").json()["total"] > 0
    eventually(lambda: system.get(f"/batches/{batch['batch_id']}").json()["certificate"], 60)
    keep_what_can_be_kept(system, ended)
    return ended


def keep_what_can_be_kept(system: LocalSystem, batch: dict[str, Any]) -> None:
    """Make the reports and evidence that are stored, and a hold on the loan by its number."""
    payments = system.get(f"/batches/{batch['batch_id']}/payments?q=Zarathwick").json()["items"]
    loan = {"kind": "loan", "institution_id": "ins_116944", "id": "730912846115"}
    for path, person, order in (
        ("/finance/reports", "auditor", {"batch_ids": [batch["batch_id"]], "by": ["person"]}),
        ("/finance/yearly", "auditor", {"year": int(batch["period"][:4])}),
        (f"/payments/{payments[0]['payment_id']}/evidence", "auditor", {}),
        ("/holds", "approver", {**loan, "reason": "a canary", "last_day": "2026-01-31"}),
    ):
        answer = system.order(path, person, json=order)
        assert answer.status_code in (200, 201), (path, answer.text)


def test_personal_values_are_in_clear_only_where_the_list_allows_it(
    ended: tuple[LocalSystem, dict[str, Any], Collector], tmp_path: Path
) -> None:
    system, batch, spans = ended
    stack = system.stack
    eventually(lambda: spans.bodies, 30)
    wrong, searched, seen = canaries.leaks(
        chain(
            places.exports(system, batch["batch_id"]),
            places.tables(stack),
            places.topics(stack),
            places.shown(system),
            places.processes(),
            places.saved_copy(stack, tmp_path / "copy"),
            places.disk(stack),
            (("span", body) for body in spans.bodies),
        )
    )
    assert not wrong, sorted(wrong)
    # each kind of place was searched, and the search finds what may be there
    kinds = {place.partition(" ")[0] for place in searched}
    assert kinds == {
        *("export", "table", "topic", "answer", "process", "backup", "disk", "log"),
        *("uploaded", "span"),
    }
    assert {"table ingest.row_seal", "topic parsed-rows", "log ingest.log"} <= searched
    assert seen == {one.field for one in canaries.ALLOWED if one.allowed}


def test_no_process_leaves_a_core_dump(
    ended: tuple[LocalSystem, dict[str, Any], Collector],
) -> None:
    system, _, _ = ended
    for one in system.stack.status():
        if one.name in catalog.NAMES and one.pid:
            limits = Path(f"/proc/{one.pid}/limits").read_text()
            (line,) = [x for x in limits.splitlines() if x.startswith("Max core file size")]
            assert line.split()[4:6] == ["0", "0"], (one.name, line)


def test_a_forgotten_person_is_in_no_store_and_the_books_are_as_before(
    ended: tuple[LocalSystem, dict[str, Any], Collector], tmp_path: Path
) -> None:
    system, batch, _ = ended
    stack, batch_id = system.stack, batch["batch_id"]
    before = system.reports(batch_id)["payments"]
    order = (canaries.EMPLOYEE, "Ada Admin", "asked by letter")
    with pytest.raises(CommandError, match="is up; stop it first"):
        local_stack.forget(stack, *order)
    stack.down()
    assert local_stack.forget(stack, *order) == 0
    stack.up()
    eventually(lambda: canaries.EMPLOYEE in shown_as(system, batch_id, "forgotten"), 60)
    wrong, _, seen = canaries.leaks(
        chain(
            places.exports(system, batch_id),
            places.tables(stack),
            places.topics(stack),
            places.saved_copy(stack, tmp_path / "copy"),
        )
    )
    assert not wrong, sorted(wrong)
    assert not seen & {"first name", "last name"}
    # of what the dispatcher sent, the bodies with the person and with the loan
    cipher = FieldCipher.parse(json.loads((stack.state / "keys.json").read_text())["seal_keys"])
    sent = places.column(stack, "dispatcher", "SELECT body FROM attempt WHERE kind <> 'payment'")
    assert sum(cipher.is_forgotten(body) for body in sent) >= 2
    assert any(place_of(body) and not cipher.is_forgotten(body) for body in sent)
    assert "refused: last name" in seen  # of another person
    after = system.reports(batch_id)["payments"]
    assert comparable(without_names(after)) == comparable(without_names(before))
    (line,) = [one for one in after if one["employee_id"] == canaries.EMPLOYEE]
    assert (line["first_name"], line["last_name"]) == ("forgotten", "forgotten")
    for name in catalog.REBUILDABLE:
        system.rebuild(name)
    runs = system.order("/reconciliation/runs", "operator", json={})
    assert runs.status_code in (200, 202), runs.text
    assert system.get("/reconciliation/breaks?status=open").json()["total"] == 0
    assert system.get("/ops/dead-letters").json()["items"] == []


def without_names(report: Report) -> Report:
    return [{**line, "first_name": "", "last_name": ""} for line in report]


def shown_as(system: LocalSystem, batch_id: str, name: str) -> set[str]:
    """The employees of a batch who are shown by this last name."""
    rows = system.get(f"/batches/{batch_id}/rows").json()["items"]
    return {row["employee_id"] for row in rows if row["last_name"] == name}
