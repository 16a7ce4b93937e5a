"""Recovery after a restore of the first of two approvals, and of the rules that ask for them."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.common.contracts.events.batches import BatchChanged
from services.ingest import approval_rules
from services.ingest.store import first_approvals
from services.ingest.tests.backups import BackedUpIngest
from services.ingest.tests.harness import IngestHarness
from services.ingest.tests.test_approval_rules import FROM_1, ask, set_rules

pytestmark = pytest.mark.database


def first_approver(ingest: IngestHarness, batch_id: str) -> str | None:
    first = ingest.batch(batch_id)["first_approval"]
    return first["approved_by"] if first else None


def test_two_approvals_are_as_they_were(backed_up: BackedUpIngest, xml: bytes) -> None:
    set_rules(backed_up.ingest, FROM_1)
    ready = backed_up.ingest.ready(xml)
    backup = backed_up.back_up()
    assert backed_up.ingest.approve(ready, "anna").json()["status"] == "ready"
    assert backed_up.ingest.approve(ready, "adam").json()["status"] == "approved"
    ingest = backed_up.restore(backup)
    assert ingest.batch(ready["batch_id"])["approved_by"] == "adam"
    assert first_approver(ingest, ready["batch_id"]) == "anna"


def test_a_first_approval_that_was_sent_back_is_not_revived(
    backed_up: BackedUpIngest, xml: bytes
) -> None:
    set_rules(backed_up.ingest, FROM_1)
    ready = backed_up.ingest.ready(xml)
    asked = ask(backed_up.ingest, ready, "paula").json()["approval_request"]
    assert backed_up.ingest.approve(ready, "anna").json()["status"] == "ready"
    backup = backed_up.back_up()
    path = f"/batches/{ready['batch_id']}/approval-requests/{asked['request_id']}/send-back"
    answer = backed_up.ingest.call("POST", path, "adam", json={"reason": "one loan is wrong"})
    assert answer.status_code == 200
    ingest = backed_up.restore(backup)
    checked = ingest.check(ready["batch_id"])
    assert (checked["digest"], checked["first_approval"]) == (ready["digest"], None)
    assert ingest.approve(checked, "adam").json()["status"] == "ready"
    assert not ingest.payments(checked)


def test_a_batch_is_recovered_whose_first_approver_had_a_hand_in_it_later(
    backed_up: BackedUpIngest, xml: bytes
) -> None:
    """Rules that were lifted let one other person approve it."""
    set_rules(backed_up.ingest, FROM_1)
    ready = backed_up.ingest.ready(xml)
    backup = backed_up.back_up()
    assert backed_up.ingest.approve(ready, "maria").json()["status"] == "ready"
    assert ask(backed_up.ingest, ready, "maria").status_code == 200
    set_rules(backed_up.ingest)
    assert backed_up.ingest.approve(ready, "adam").json()["status"] == "approved"
    ingest = backed_up.restore(backup)
    assert ingest.batch(ready["batch_id"])["approved_by"] == "adam"
    assert first_approver(ingest, ready["batch_id"]) is None


def test_a_first_approval_that_counts_by_the_setting_for_one_person_counts_after_a_restore(
    backed_up: BackedUpIngest, xml: bytes
) -> None:
    """The setting was switched off before the second approval."""
    set_rules(backed_up.ingest, FROM_1)
    ready = backed_up.ingest.ready(xml, "maria")
    backup = backed_up.back_up()
    url = backed_up.ingest.engine.url.render_as_string(hide_password=False)
    alone = IngestHarness.make(url, backed_up.folder, one_person=True)
    assert alone.approve(ready, "maria").json()["status"] == "ready"
    alone.engine.dispose()
    assert backed_up.ingest.approve(ready, "adam").json()["status"] == "approved"
    ingest = backed_up.restore(backup)
    assert ingest.batch(ready["batch_id"])["approved_by"] == "adam"
    assert first_approver(ingest, ready["batch_id"]) == "maria"


def test_a_published_first_approval_that_does_not_count_is_left_out(
    backed_up: BackedUpIngest, xml: bytes
) -> None:
    ingest = backed_up.ingest
    set_rules(ingest, FROM_1)
    ready = ingest.ready(xml)
    assert ingest.approve(ready, "maria").json()["status"] == "ready"
    published: BatchChanged = ingest.published(ready["batch_id"], BatchChanged)[-1]
    assert published.first_approval is not None
    assert ask(ingest, ready, "maria").status_code == 200
    with ingest.engine.begin() as connection:
        number = published.first_approval.model_copy(update={"number": 1})
        newest = published.model_copy(update={"first_approval": number})
        first_approvals.recover_first(connection, newest)
        assert first_approvals.count(connection, newest.batch_id) == 1
    assert first_approver(ingest, ready["batch_id"]) is None


def test_rules_that_a_slow_clock_confirmed_do_not_refuse_what_was_approved_before(
    backed_up: BackedUpIngest, xml: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override] # a clock
            return datetime.now(UTC) - timedelta(hours=1)

    backup = backed_up.back_up()
    ready = backed_up.ingest.ready(xml)
    assert backed_up.ingest.approve(ready).json()["status"] == "approved"
    monkeypatch.setattr(approval_rules, "datetime", Slow)
    set_rules(backed_up.ingest, FROM_1)
    ingest = backed_up.restore(backup)
    assert ingest.batch(ready["batch_id"])["approved_by"] == "anna"
    assert ingest.batch(ready["batch_id"])["approvals_needed"] == 1
