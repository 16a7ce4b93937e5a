import random
from datetime import timedelta

import pytest

from libs.common.contracts.errors import Reject
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved, PaymentChanged
from libs.common.contracts.events.provider import StatementClosed
from libs.common.contracts.events.rows import RowRead
from libs.common.contracts.statuses import PAYMENT_STATUSES
from services.reports.domain import completeness, formats
from services.reports.domain.progress import Progress, sum_by_status
from services.reports.handlers import on_events
from services.reports.tests import factories


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada", "Ada"),
        ("", ""),
        ("'t Hooft", "'t Hooft"),
        ("O'Neil", "O'Neil"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-x", "'-x"),
        ("@sum", "'@sum"),
        ("\tx", "'\tx"),
        ("\rx", "' x"),
        ("\nx", "' x"),
        ("a\r\nb", "a  b"),
        ("a=b", "a=b"),
        ("李", "李"),
    ],
)
def test_no_cell_begins_like_a_formula_or_leaves_its_line(text: str, shown: str) -> None:
    assert formats.safe_cell(text) == shown
    lines: list[list[str | int]] = [[text, "a", 7], ["a", text, 7], [7, "a", text]]
    for line in lines:
        assert formats.safe_line(line) == [shown if cell == text else cell for cell in line]


def test_reports_say_under_which_rule_a_batch_was_approved() -> None:
    assert formats.approval_rule(False, "paula", "") == ""
    assert (
        formats.approval_rule(False, "paula", "anna")
        == "two people: uploaded by paula, approved by anna"
    )
    assert formats.approval_rule(True, "paula", "paula").startswith("SINGLE CONTROL: ")
    assert formats.approval_rule(True, "paula", "paula").endswith("uploaded and approved by paula")
    assert formats.approval_rule(True, "paula", "anna").endswith(
        "uploaded by paula, approved by anna"
    )


def snapshot(**changed: object) -> completeness.BatchSnapshot:
    totals = {"paid": (2, 300), "failed": (1, 50)}
    given = {
        "status": "completed_with_failures",
        "row_messages_announced": 3,
        "row_messages_received": 3,
        "file_total": (3, 350),
        "totals": totals,
        "certificate": totals,
    }
    return completeness.BatchSnapshot(**(given | changed))  # type: ignore[arg-type] # fields by name


def test_a_report_that_equals_its_certificate_may_be_given() -> None:
    assert completeness.find_refusal(snapshot()) is None


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"row_messages_received": 2}, "reports.incomplete"),
        ({"totals": {"paid": (2, 300)}}, "reports.incomplete"),
        ({"totals": {"paid": (2, 299), "failed": (1, 51)}}, "reports.unequal"),
        ({"totals": {"paid": (1, 150), "pending": (1, 150), "failed": (1, 50)}}, "reports.unequal"),
        ({"certificate": None}, "reports.uncertified"),
        ({"status": "archived", "certificate": None}, "reports.uncertified"),
        ({"dead_letters": 1}, "reports.dead-letter"),
        ({"status": "paying", "certificate": {"paid": (3, 350)}}, "reports.unequal"),
    ],
)
def test_a_report_that_is_not_whole_or_not_certified_is_refused(
    changed: dict[str, object], code: str
) -> None:
    found = completeness.find_refusal(snapshot(**changed))
    assert found is not None
    assert found[0] == code


def test_a_running_batch_needs_no_certificate() -> None:
    assert completeness.find_refusal(snapshot(status="paying", certificate=None)) is None


def test_every_outcome_that_is_not_paid_pending_or_cancelled_has_a_reason() -> None:
    assert [
        formats.reason_or_code("failed", "R01", ""),
        formats.reason_or_code("refused", "", ""),
        formats.reason_or_code("paid", "", ""),
        formats.reason_or_code("failed", "R01", "no"),
    ] == ["R01", "no reason was recorded", "", "no"]


def progress_after(events: list[object]) -> Progress:
    progress = Progress()
    for event in events:
        match event:
            case BatchChanged():
                progress.on_batch(
                    event.batch_id,
                    event.version,
                    event.status,
                    (event.payments, event.payments_cents),
                    event.occurred_at,
                )
            case PaymentApproved():
                progress.on_approved(
                    event.batch_id, event.payment_id, event.amount_cents, event.occurred_at
                )
            case PaymentChanged():
                progress.on_changed(
                    event.batch_id,
                    event.payment_id,
                    (event.version, event.status),
                    event.occurred_at,
                )
    return progress


def test_live_progress_is_the_same_in_any_order_and_with_every_event_twice() -> None:
    batch = factories.make(200, 3)
    now = factories.START + timedelta(hours=4)
    straight = progress_after(list(batch.events)).snapshot(batch.batch_id, now)
    for seed in range(5):
        shuffled = [*batch.events, *batch.events]
        random.Random(seed).shuffle(shuffled)
        assert progress_after(list(shuffled)).snapshot(batch.batch_id, now) == straight
    assert straight["payments"]["total"] == len(batch.payments)
    assert straight["payment_amount_cents"]["total"] == sum(p.amount_cents for p in batch.payments)


def test_payments_announced_but_not_arrived_are_unprocessed() -> None:
    found = sum_by_status({"completed": (2, 200)}, (5, 900))
    assert found["payments"]["unprocessed"] == 3
    assert found["payment_amount_cents"] == {"total": 900} | dict.fromkeys(PAYMENT_STATUSES, 0) | {
        "completed": 200,
        "unprocessed": 700,
    }


def test_before_an_approval_all_counts_are_zero() -> None:
    assert set(sum_by_status({}, (0, 0))["payments"].values()) == {0}


def test_the_newest_of_a_batch_of_messages_is_kept_and_all_row_messages_are_counted() -> None:
    first = factories.make(1, 1).rows[0]
    second = first.model_copy(
        update={"revision": 2, "status": "excluded", "event_id": factories.SPACE}
    )
    for order in ([first, second], [second, first]):
        changes = on_events(order)
        assert changes.rows[first.row_id].status == "excluded"
        assert changes.row_messages[first.batch_id] == 2


def test_a_message_that_reports_does_not_read_is_rejected() -> None:
    with pytest.raises(Reject):
        on_events(
            [
                StatementClosed(
                    **factories.envelope("closed"),
                    run_id=factories.SPACE,
                    batch_id=factories.SPACE,
                    complete=True,
                    pages=1,
                    lines=0,
                    amount_cents=0,
                    from_at=factories.START,
                    begun_at=factories.START,
                    final_versions=0,
                )
            ]
        )
    assert RowRead.topic in {event.topic for event in factories.make(2, 1).events}
