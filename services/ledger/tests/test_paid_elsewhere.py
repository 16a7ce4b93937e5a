"""A payment that was paid by other means: its hold is released, and nothing is settled."""

from dataclasses import replace

from libs.common.contracts.statuses import PAID_ELSEWHERE
from services.ledger import handlers
from services.ledger.domain import journals
from services.ledger.handlers import AppliedVersion, on_payments_changed
from services.ledger.tests.factories import BATCH, approved, changed


def test_its_hold_is_released_and_the_journal_says_why() -> None:
    event = approved(1)
    closed = changed(1, 3, "cancelled").model_copy(
        update={"reason_code": PAID_ELSEWHERE, "reason": "check 4711"}
    )
    last = AppliedVersion(BATCH, closed.amount_cents, 2, "held")
    plan = on_payments_changed([closed], [], {closed.payment_id: last}, {})
    assert [posting.kind for posting in plan.postings] == ["release"]
    hold = handlers.on_payment_approved(event)
    hold = replace(hold, payment_id=closed.payment_id)
    (journal,) = handlers.follow_up_journals(plan.postings, {closed.payment_id: hold})
    assert {entry.layer for entry in journal.entries} == {"pending"}
    posted = handlers.journal_posted(journal, closed)
    assert (posted.kind, posted.reason_code, posted.reason) == (
        "release",
        PAID_ELSEWHERE,
        "check 4711",
    )
    assert journals.journals_of_status("cancelled") == ("hold", "release")
