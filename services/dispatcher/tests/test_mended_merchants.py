"""A merchant that people chose for one batch: asked for at the provider, and paid there only."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from libs.common.contracts.events.batches import Amendment, AmendmentDetails
from services.dispatcher import consumers
from services.dispatcher.store import merchants, payment_preparation
from services.dispatcher.tests.factories import AT, INSTITUTION, BatchOfPayments
from services.dispatcher.tests.test_refused_objects import Preparing

pytestmark = pytest.mark.database
LOANS = {"id": "mch_77", "type": "student_loans"}


def mended(merchant_id: str = "mch_77", withdrawn: bool = False) -> tuple[Amendment, ...]:
    made = Amendment(
        decision_id=uuid4(),
        act="mend",
        target=f"institution {INSTITUTION}",
        change="paid through merchant mch_77",
        details=AmendmentDetails(institution_id=INSTITUTION, merchant_id=merchant_id),
        reason="named by the servicer",
        seen_digest="sha256:1",
        rows=1,
        amount_cents=100,
        decided_by="peter",
        decided_at=AT,
        withdrawn_by="peter" if withdrawn else None,
        withdrawn_at=AT if withdrawn else None,
    )
    return (made,)


class Mending(Preparing):
    """A dispatcher whose provider lists no merchant for the institution, and knows mch_77."""

    def __init__(self, engine: Engine, owner: Engine) -> None:
        super().__init__(engine, owner)
        self.provider.merchants = []
        self.provider.objects["/merchants"] = {"mch_77": LOANS}

    def announce_mended(
        self,
        status: Any,
        version: int,
        amendments: tuple[Amendment, ...],
        merchant_id: str = "",
        batch_id: UUID | None = None,
    ) -> BatchOfPayments:
        """Announce a version of a batch of one payment, whose rows say this merchant from then."""
        made = BatchOfPayments(batch_id or uuid4(), 1, merchant_id=merchant_id)
        changed = {"amendments": amendments, "revision": version}
        event = made.changed(status, version).model_copy(update=changed)
        with self.engine.begin() as connection:
            consumers.batches(connection, [event])
            revised = {"merchant_id": merchant_id, "revision": version}
            consumers.rows(connection, [row.model_copy(update=revised) for row in made.rows()])
            if status == "approved":
                consumers.payments(connection, made.payments())
        return made

    def answered(self) -> list[tuple[str, str]]:
        """The merchant and the reason of each institution, in the answer to the preflight."""
        return [(one["merchant_id"], one["reason"]) for one in self.check()["institutions"]]


@pytest.fixture
def mending(engines: tuple[Engine, Engine]) -> Mending:
    return Mending(*engines)


def test_the_provider_is_asked_once_for_a_check_about_the_chosen_merchant(
    mending: Mending,
) -> None:
    made = mending.announce_mended("checking", 1, mended())
    assert not mending.preflight.check()  # its source account is not confirmed yet
    mending.create()
    assert mending.answered() == [("mch_77", "")]
    asked = ("GET", "/merchants/mch_77", "")
    assert mending.provider.calls.count(asked) == 1
    mending.announce_mended("checking", 2, mended(), batch_id=made.batch_id)
    assert mending.answered() == [("mch_77", "")]
    assert mending.provider.calls.count(asked) == 2


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ({}, "The provider has no merchant mch_77, which a person chose."),
        (
            {"mch_77": {**LOANS, "type": "credit_card"}},
            "The provider's merchant mch_77, which a person chose, is none for student loans.",
        ),
    ],
)
def test_a_merchant_that_cannot_be_paid_is_none(
    mending: Mending, known: dict[str, Any], sentence: str
) -> None:
    mending.provider.objects["/merchants"] = known
    mending.announce_mended("checking", 1, mended())
    assert mending.answered() == [("", sentence)]


def test_a_choice_that_was_taken_back_counts_no_more(mending: Mending) -> None:
    made = mending.announce_mended("checking", 1, mended())
    mending.announce_mended("checking", 2, mended(withdrawn=True), batch_id=made.batch_id)
    assert [merchant_id for merchant_id, _ in mending.answered()] == [""]
    assert mending.rows("SELECT 1 FROM mended_merchant") == []


def test_what_was_approved_with_it_is_paid_there_and_nothing_else_is(mending: Mending) -> None:
    """Another batch of the same institution, without the choice, still fails."""
    made = mending.announce_mended("approved", 3, mended(), "mch_77")
    other = mending.announce_mended("approved", 3, (), "")
    mending.prepare()
    mending.provisioner.link_payments()
    mending.provisioner.end_unpayable()
    found = {
        row.batch_id: (row.status, row.merchant_id, row.destination_object is not None)
        for row in mending.rows("SELECT * FROM payment")
    }
    assert found[made.batch_id] == ("unprocessed", "mch_77", True)
    assert (found[other.batch_id][0], found[other.batch_id][2]) == ("failed", False)
    loans = mending.rows("SELECT merchant_id FROM object WHERE kind = 'liability'")
    assert [loan.merchant_id for loan in loans] == ["mch_77"]


def test_a_row_that_is_mended_again_is_paid_at_the_new_merchant(mending: Mending) -> None:
    """Although it was prepared for the merchant that was chosen before."""
    made = mending.announce_mended("ready", 1, mended(), "mch_77")
    mending.prepare()
    mending.announce_mended("ready", 2, mended(withdrawn=True), batch_id=made.batch_id)
    mending.announce_mended("approved", 3, mended("mch_88"), "mch_88", made.batch_id)
    mending.prepare()
    (payment,) = mending.rows("SELECT * FROM payment")
    (loan,) = mending.rows("SELECT * FROM object WHERE merchant_id = 'mch_88'")
    assert payment.destination_object == loan.object_id
    assert payment.merchant_id == "mch_88"


def test_the_choice_of_another_merchant_than_was_approved_pays_nothing(mending: Mending) -> None:
    mending.announce_mended("approved", 3, mended("mch_88"), "mch_77")
    mending.prepare()
    mending.provisioner.end_unpayable()
    (payment,) = mending.rows("SELECT status, destination_object FROM payment")
    assert (payment.status, payment.destination_object) == ("failed", None)
    assert mending.rows("SELECT 1 FROM object WHERE kind = 'liability'") == []


def test_a_merchant_that_the_provider_lists_later_changes_no_approved_payment(
    mending: Mending,
) -> None:
    mending.announce_mended("approved", 3, mended(), "mch_77")
    with mending.engine.begin() as connection:
        merchants.upsert_merchant(connection, INSTITUTION, "mch_1", "")
    mending.prepare()
    mending.provisioner.link_payments()
    with mending.engine.begin() as connection:
        assert payment_preparation.lock_without_merchant(connection, 10) == []
    (payment,) = mending.rows("SELECT status, merchant_id FROM payment")
    assert (payment.status, payment.merchant_id) == ("unprocessed", "mch_77")
