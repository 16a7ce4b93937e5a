"""Provider objects that were refused once: tried again, with evidence, and never called payable."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from libs.common.contracts.events.batches import Source
from services.dispatcher import commands, consumers
from services.dispatcher.commands import Order, Retried
from services.dispatcher.domain.protocol import (
    ATTEMPTS_MAX,
    RETRIED_BELOW,
    RETRIED_BY_BATCHES_BELOW,
    Answer,
)
from services.dispatcher.preparation.disabled_objects import DisabledObjects
from services.dispatcher.preparation.preflight import Preflight
from services.dispatcher.sending.provider_objects import ProviderObjectSender
from services.dispatcher.store.object_preparation import ensure_sources
from services.dispatcher.tests.factories import (
    CIPHER,
    BatchOfPayments,
    announce_batch,
)
from services.dispatcher.tests.harness import BareDispatcher
from services.dispatcher.tests.running import VERSION
from services.dispatcher.tracking.object_lookup import look_up_objects

pytestmark = pytest.mark.database

Refuses = Callable[[str, dict[str, Any]], bool]


class Preparing(BareDispatcher):
    """A dispatcher that prepares batches by hand; `refuses` says what the provider refuses."""

    def __init__(self, engine: Engine, owner: Engine) -> None:
        super().__init__(engine, owner)
        self.objects = ProviderObjectSender(self.timing, CIPHER, VERSION, self.clocks)
        self.preflight = Preflight(engine, self.reader, self.provisioner, 30.0)
        self.disabled = DisabledObjects(engine, self.reader)
        self.refuses: Refuses = lambda path, body: False
        self.sent: list[tuple[str, str]] = []  # path and key

    def announce(self, **given: Any) -> BatchOfPayments:
        return announce_batch(self.engine, uuid4(), 1, **given)

    def create(self, answered: bool = True) -> None:
        """Create what is due, until nothing is; `answered`: the answers arrive."""
        for _ in range(10):
            with self.engine.begin() as connection:
                calls = list(self.objects.lease_calls(connection, 50))
            if not calls:
                return
            for call in calls:
                self.sent.append((call.path, str(call.idempotency_key)))
            answers = [(call, self.answer(call)) for call in calls]
            with self.engine.begin() as connection:
                self.objects.record_answers(connection, answers if answered else [])
            if not answered:
                return

    def answer(self, call: Any) -> Answer:
        body = json.loads(call.body)
        if self.refuses(call.path, body):
            return Answer(400, None, "INVALID_REQUEST", "refused by the provider")
        return self.send(call)

    def prepare(self) -> None:
        """Insert, create and link what the batches need."""
        self.provisioner.insert_objects()
        self.create()
        self.provisioner.link_payments()
        self.provisioner.start_batches()
        self.provisioner.end_unpayable()

    def check(self) -> dict[str, Any]:
        """Answer the preflight that is due, creating what it asks for; return the answer."""
        for _ in range(4):
            if self.preflight.check():
                return self.published("preflight-done.v1")[-1]
            self.create()
        raise AssertionError("the preflight was not answered")

    def objects_by_kind(self) -> dict[str, Any]:
        return {row.kind: row for row in self.rows("SELECT * FROM object ORDER BY object_id")}

    def count(self, kind: str) -> int:
        return len(self.rows("SELECT 1 FROM object WHERE kind = :kind", kind=kind))

    def stopped(self, batch_id: UUID) -> list[dict[str, Any]]:
        events = [
            e for e in self.published("dispatch-changed.v1") if e["batch_id"] == str(batch_id)
        ]
        found: list[dict[str, Any]] = events[-1]["stopped_sources"]
        return found


@pytest.fixture
def dispatcher(engines: tuple[Engine, Engine]) -> Preparing:
    return Preparing(*engines)


def refuse(kind: str) -> Refuses:
    """Refuse the creation of objects of a kind."""

    def refuses(path: str, body: dict[str, Any]) -> bool:
        return kind in body or body.get("type") == kind

    return refuses


@pytest.mark.parametrize("kind", ["individual", "liability", "corporation", "ach"])
def test_what_was_refused_is_tried_once_under_a_new_key_for_the_next_batch(
    dispatcher: Preparing, kind: str
) -> None:
    dispatcher.refuses = refuse(kind)
    dispatcher.announce()
    dispatcher.prepare()
    dispatcher.prepare()
    assert dispatcher.objects_by_kind()[kind].status == "failed"
    first = list(dispatcher.sent)
    dispatcher.announce(status="checking", version=1)
    refused_again = dispatcher.check()
    tried = [key for path, key in dispatcher.sent[len(first) :]]
    assert len(tried) == dispatcher.count(kind)
    assert not set(tried) & {key for _, key in first}
    assert named(refused_again, kind)
    dispatcher.refuses = lambda path, body: False
    dispatcher.announce(status="checking", version=1)
    assert not named(dispatcher.check(), kind)
    assert dispatcher.objects_by_kind()[kind].status == "pending"


def named(answer: dict[str, Any], kind: str) -> bool:
    """Whether a preflight names what was refused, so that nothing of it is called payable."""
    field = {"individual": "refused_people", "liability": "refused_loans"}
    return bool(answer[field.get(kind, "source_problems")])


def test_what_is_tried_again_is_refused_until_the_provider_has_made_it(
    dispatcher: Preparing,
) -> None:
    dispatcher.refuses = refuse("liability")
    dispatcher.announce()
    dispatcher.prepare()
    batch = dispatcher.announce(status="checking", version=1)
    dispatcher.preflight.limit_s = 0.0  # the answer must be given before the try has ended
    with dispatcher.engine.begin() as connection:
        commands.order_retry(connection, batch.batch_id, Order("prea", "mended"))
    assert dispatcher.preflight.check()
    (loan,) = dispatcher.published("preflight-done.v1")[-1]["refused_loans"]
    assert (loan["employee_id"], loan["message"]) == ("EMP-0", "refused by the provider")


@pytest.mark.parametrize("kind", ["individual", "liability", "corporation", "ach"])
def test_a_person_asks_and_it_is_tried_at_once(dispatcher: Preparing, kind: str) -> None:
    dispatcher.refuses = refuse(kind)
    batch = dispatcher.announce(status="ready", version=2)
    dispatcher.prepare()
    assert dispatcher.objects_by_kind()[kind].status == "failed"
    dispatcher.refuses = lambda path, body: False
    dispatcher.prepare()
    assert dispatcher.objects_by_kind()[kind].status == "failed"  # not by itself
    with dispatcher.engine.begin() as connection:
        retried = commands.order_retry(connection, batch.batch_id, Order("prea", "mended"))
    assert retried == Retried(dispatcher.count(kind), exhausted=0)
    dispatcher.create()
    assert dispatcher.objects_by_kind()[kind].status == "pending"
    kept = dispatcher.rows("SELECT * FROM object_retry")[0]
    assert (kept.by_whom, kept.reason, kept.refused_code) == ("prea", "mended", "invalid_request")


def test_a_refused_try_with_an_earlier_one_unanswered_is_looked_up_and_not_made_twice(
    dispatcher: Preparing,
) -> None:
    batch = dispatcher.announce(status="ready", version=2)
    dispatcher.provisioner.insert_objects()
    dispatcher.create(answered=False)  # people and corporations exist there; no answer came
    dispatcher.rows("UPDATE object SET status = 'failed' WHERE attempts = 1 RETURNING 1")
    made = len(dispatcher.provider.objects["/entities"])
    with dispatcher.engine.begin() as connection:
        commands.order_retry(connection, batch.batch_id, Order("prea", "try"))
    assert {
        row.status for row in dispatcher.rows("SELECT status FROM object WHERE attempts = 1")
    } == {"in_doubt"}
    for _ in range(2):  # a process that has not seen the sending counts the wait from now
        look_up_objects(dispatcher.engine, dispatcher.reader, dispatcher.timing)
        dispatcher.pass_time(dispatcher.timing.grace_s + dispatcher.timing.lookup_every_s)
    dispatcher.create()
    assert len(dispatcher.provider.objects["/entities"]) == made
    assert {row.status for row in dispatcher.rows("SELECT status FROM object")} == {"pending"}


def test_a_disabled_object_that_was_enabled_again_is_usable(dispatcher: Preparing) -> None:
    batch = dispatcher.announce()
    dispatcher.prepare()
    lines = dispatcher.provider.objects["/accounts"]
    loan = next(line for line in lines.values() if "liability" in line)
    loan["status"] = "disabled"
    dispatcher.announce(status="checking", version=1)
    assert dispatcher.check()["inactive_loans"]
    assert dispatcher.objects_by_kind()["liability"].status == "inactive"
    loan["status"] = "active"
    dispatcher.rows("UPDATE object SET due_at = now() - interval '2 minutes' RETURNING 1")
    dispatcher.announce(status="checking", version=1)
    assert not dispatcher.check()["inactive_loans"]
    loan["status"] = "disabled"
    dispatcher.announce(status="checking", version=1)
    assert dispatcher.check()["inactive_loans"]
    loan["status"] = "active"
    with dispatcher.engine.begin() as connection:
        commands.order_retry(connection, batch.batch_id, Order("prea", "enabled again"))
    assert dispatcher.disabled.read_wanted()
    assert dispatcher.objects_by_kind()["liability"].status == "pending"


def test_a_mended_ein_is_not_stopped_by_the_refusal_of_the_old_one(dispatcher: Preparing) -> None:
    dispatcher.refuses = lambda path, body: body.get("corporation", {}).get("ein") == "32120240"
    wrong = dispatcher.announce()
    dispatcher.prepare()
    assert {s["source_account_id"] for s in dispatcher.stopped(wrong.batch_id)} == {
        "CORP-0",
        "CORP-1",
    }
    assert dispatcher.rows("SELECT 1 FROM source_stop") == []
    mended = BatchOfPayments(uuid4(), 1, tag="b")
    object.__setattr__(mended, "sources", [with_other_ein(one) for one in mended.sources])
    with dispatcher.engine.begin() as connection:
        consumers.batches(connection, [mended.changed("approved", 3)])
        consumers.rows(connection, mended.rows())
        consumers.payments(connection, mended.payments())
    dispatcher.prepare()
    dispatcher.prepare()
    assert dispatcher.stopped(mended.batch_id) == []
    dispatcher.walker.walk()
    assert [call.batch_id for call in dispatcher.lease()] == [str(mended.batch_id)]


def with_other_ein(source: Source) -> Source:
    return source.model_copy(update={"ein": "32120241"})


def test_a_refused_source_pays_by_itself_once_the_provider_takes_it(dispatcher: Preparing) -> None:
    dispatcher.refuses = refuse("corporation")
    batch = dispatcher.announce()
    dispatcher.prepare()
    assert len(dispatcher.stopped(batch.batch_id)) == 2
    dispatcher.refuses = lambda path, body: False
    with dispatcher.engine.begin() as connection:
        commands.order_batch(connection, batch.batch_id, "resume", Order("appy", "mended"))
    dispatcher.prepare()
    assert dispatcher.stopped(batch.batch_id) == []
    dispatcher.walker.walk()
    assert len(dispatcher.lease()) == 1


def test_two_batches_with_other_values_for_one_corporation_do_not_take_turns(
    dispatcher: Preparing,
) -> None:
    dispatcher.refuses = refuse("corporation")
    dispatcher.announce(status="ready", version=2)
    dispatcher.announce(status="ready", version=2, zip_code="50614")
    for _ in range(20):
        with dispatcher.engine.begin() as connection:
            for row in dispatcher.rows("SELECT DISTINCT batch_id FROM source ORDER BY batch_id"):
                ensure_sources(connection, row.batch_id)
        dispatcher.create()
    assert dispatcher.objects_by_kind()["corporation"].attempts <= 5


def test_an_object_that_was_tried_as_often_as_is_allowed_is_left(dispatcher: Preparing) -> None:
    dispatcher.refuses = refuse("individual")
    batch = dispatcher.announce(status="ready", version=2)
    dispatcher.prepare()
    for _ in range(RETRIED_BELOW + 5):
        with dispatcher.engine.begin() as connection:
            retried = commands.order_retry(connection, batch.batch_id, Order("prea", "again"))
        dispatcher.create()
    assert retried == Retried(0, exhausted=1)
    assert "Refused as often as is allowed" in retried.message
    assert dispatcher.objects_by_kind()["individual"].attempts == RETRIED_BELOW
    needed = 3 * (dispatcher.timing.rekeys_max + 1)  # calls of one try, each under further keys
    assert RETRIED_BELOW + needed <= ATTEMPTS_MAX


def test_batches_stop_trying_by_themselves_and_a_person_still_can(dispatcher: Preparing) -> None:
    dispatcher.refuses = refuse("individual")
    dispatcher.announce()
    dispatcher.prepare()
    for _ in range(RETRIED_BELOW + 2):
        batch = dispatcher.announce(status="checking", version=1)
        assert named(dispatcher.check(), "individual")
    assert dispatcher.objects_by_kind()["individual"].attempts == RETRIED_BY_BATCHES_BELOW
    dispatcher.refuses = lambda path, body: False
    with dispatcher.engine.begin() as connection:
        retried = commands.order_retry(connection, batch.batch_id, Order("prea", "mended"))
    assert retried == Retried(1, exhausted=0)
    dispatcher.create()
    assert dispatcher.objects_by_kind()["individual"].status == "pending"


def test_a_corrected_address_is_not_tried_for_ever_without_a_person(dispatcher: Preparing) -> None:
    dispatcher.refuses = refuse("corporation")
    dispatcher.announce(status="ready", version=2)
    dispatcher.prepare()
    for number in range(RETRIED_BELOW):
        dispatcher.announce(status="checking", version=1, zip_code=f"{50614 + number}")
        dispatcher.check()
    attempts = dispatcher.objects_by_kind()["corporation"].attempts
    assert attempts == RETRIED_BY_BATCHES_BELOW < RETRIED_BELOW


@pytest.mark.parametrize(
    ("retried", "message"),
    [
        (Retried(0, 0), "Nothing of this batch is refused or disabled at the provider now."),
        (
            Retried(3, 0),
            ("The provider is asked again about 3 of the batch's people, loans and accounts."),
        ),
        (
            Retried(0, 2),
            (
                "Refused as often as is allowed, and not tried again: 2. No money moved. "
                "Correct the values in the roster, and upload it again."
            ),
        ),
    ],
)
def test_an_order_says_in_words_what_is_tried(retried: Retried, message: str) -> None:
    assert retried.message == message
