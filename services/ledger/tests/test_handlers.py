import itertools
from datetime import timedelta
from uuid import UUID

import pytest

from libs.common.contracts.errors import Reject
from libs.common.contracts.events.payments import PaymentChanged
from services.ledger import handlers
from services.ledger.domain import journals
from services.ledger.domain.journals import Entry, ImpossibleChange, Unbalanced
from services.ledger.handlers import (
    AppliedVersion,
    Conflict,
    content_digest,
    on_payment_approved,
    on_payments_changed,
)
from services.ledger.tests.factories import BATCH, approved, at, changed, history, payment_id

AT = {payment_id(1): AppliedVersion(BATCH, 500, 0, "unprocessed")}


def test_a_hold_moves_from_the_source_to_each_branch_in_the_pending_layer() -> None:
    reserved = on_payment_approved(approved(3))
    assert reserved.entries == (
        Entry("source:B", "pending", -1501, -3),
        Entry("branch:Y", "pending", 1500, 2),
        Entry("branch:Z", "pending", 1, 1),
    )
    assert (reserved.amount_cents, reserved.row_count, reserved.journal_id) == (
        1501,
        3,
        journals.journal_id(payment_id(3), "hold"),
    )


def test_each_journal_after_the_hold_mirrors_it() -> None:
    reserved = on_payment_approved(approved(2))
    assert journals.follow_up(reserved, "release", at(1)).entries == (
        Entry("source:A", "pending", 938, 1),
        Entry("branch:X", "pending", -938, -1),
    )
    assert journals.follow_up(reserved, "settle", at(1)).entries == (
        Entry("source:A", "pending", 938, 1),
        Entry("branch:X", "pending", -938, -1),
        Entry("source:A", "posted", -938, -1),
        Entry("branch:X", "posted", 938, 1),
    )
    assert journals.follow_up(reserved, "reverse", at(1)).entries == (
        Entry("source:A", "posted", 938, 1),
        Entry("branch:X", "posted", -938, -1),
    )


def test_no_journal_is_dated_before_its_hold_when_a_clock_was_set_back() -> None:
    reserved = journals.hold(BATCH, payment_id(1), "A", journals.shares([("X", 5)]), at(100))
    assert journals.follow_up(reserved, "settle", at(100) - timedelta(days=2)).posted_at == at(100)
    assert journals.follow_up(reserved, "settle", at(101)).posted_at == at(101)


def test_an_unbalanced_journal_cannot_be_made() -> None:
    with pytest.raises(Unbalanced, match="1"):
        journals.Journal(
            BATCH,
            payment_id(1),
            "hold",
            5,
            1,
            (Entry("source:A", "pending", -5, -1), Entry("branch:X", "pending", 6, 1)),
            at(0),
        )


@pytest.mark.parametrize(
    "change", [{"amount_cents": 501}, {"rows": approved(1).rows * 2, "amount_cents": 1000}]
)
def test_an_approval_that_is_not_its_rows_is_rejected(change: dict[str, object]) -> None:
    with pytest.raises(Reject):
        on_payment_approved(approved(1, **change))


@pytest.mark.parametrize(
    ("end", "kinds"),
    [
        ("completed", ["settle"]),
        ("failed", ["release"]),
        ("cancelled", ["release"]),
        ("refused", ["release"]),
        ("reversed", ["settle", "reverse"]),
    ],
)
def test_what_each_life_posts(end: str, kinds: list[str]) -> None:
    assert [p.kind for p in on_payments_changed(history(1, end), [], AT, {}).postings] == kinds


def test_reversed_without_completed_settles_first() -> None:
    result = on_payments_changed([changed(1, 1, "reversed")], [], AT, {})
    assert [p.kind for p in result.postings] == ["settle", "reverse"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (a, b)
        for a, b in itertools.product(
            ["completed", "failed", "cancelled", "reversed"],
            [
                "unprocessed",
                "sending",
                "pending",
                "in_doubt",
                "held",
                "completed",
                "failed",
                "cancelled",
                "reversed",
            ],
        )
        if a != b and (a, b) != ("completed", "reversed")
    ],
)
def test_a_final_state_is_final(before: str, after: str) -> None:
    with pytest.raises(ImpossibleChange):
        journals.journals_between(before, after)


def test_the_providers_status_alone_posts_nothing() -> None:
    assert journals.journals_between("completed", "completed") == ()


def test_every_order_of_a_life_comes_to_the_same() -> None:
    whole = on_payments_changed(history(1, "reversed"), [], AT, {})
    for order in itertools.permutations(history(1, "reversed")):
        at_payment, kinds = dict(AT), []
        waiting: dict[tuple[UUID, int], PaymentChanged] = {}
        for event in order:  # one by one, as the consumer does
            result = on_payments_changed([event], waiting.values(), at_payment, {})
            waiting |= {(c.payment_id, c.version): c for c in result.deferred}
            for key in result.resumed:
                del waiting[key]
            for change in result.applied:
                at_payment[change.payment_id] = AppliedVersion(
                    BATCH, 500, change.version, change.status
                )
            kinds += [p.kind for p in result.postings]
        assert kinds == [p.kind for p in whole.postings]
        assert not waiting
        assert at_payment[payment_id(1)].status == "reversed"


def test_a_change_before_its_approval_waits() -> None:
    result = on_payments_changed(history(1, "completed"), [], {}, {})
    assert len(result.deferred) == 3
    assert not result.applied
    assert not result.postings


def test_the_same_version_again_is_nothing_and_with_other_content_a_conflict() -> None:
    known = {payment_id(1): AppliedVersion(BATCH, 500, 1, "sending")}
    first = changed(1, 1, "sending")
    again = on_payments_changed([first], [], known, {(payment_id(1), 1): content_digest(first)})
    assert (again.applied, again.deferred, again.postings) == ([], [], [])
    with pytest.raises(Conflict):
        on_payments_changed(
            [changed(1, 1, "cancelled")], [], known, {(payment_id(1), 1): content_digest(first)}
        )
    with pytest.raises(Conflict):
        on_payments_changed([first, changed(1, 1, "cancelled")], [], AT, {})


@pytest.mark.parametrize("wrong", [{"amount_cents": 501}, {"batch_id": payment_id(9)}])
def test_a_change_of_other_money_or_batch_is_rejected(wrong: dict[str, object]) -> None:
    with pytest.raises(Conflict):
        on_payments_changed([changed(1, 1, "sending", **wrong)], [], AT, {})


def test_a_wrong_change_that_waited_does_not_reject_what_has_just_come() -> None:
    waiting = changed(1, 2, "pending", amount_cents=501)
    result = on_payments_changed([changed(1, 1, "sending")], [waiting], AT, {})
    assert [c.version for c in result.applied] == [1]
    assert not result.resumed


def test_the_events_of_a_journal_are_the_same_every_time() -> None:
    reserved = on_payment_approved(approved(1))
    assert handlers.journal_posted(reserved) == handlers.journal_posted(reserved)


def test_new_fields_at_their_defaults_do_not_change_a_content() -> None:
    assert content_digest(changed(1, 1, "sending")) == content_digest(
        changed(1, 1, "sending", reason="", occurred_at=at(99))
    )
    assert content_digest(changed(1, 1, "sending")) != content_digest(
        changed(1, 1, "sending", reason="why")
    )
