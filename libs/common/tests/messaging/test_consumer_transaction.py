"""One batch in one transaction: applied once, or not at all, whatever is in it."""

import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject, Retry
from libs.common.contracts.events.provider import ProviderEventReceived
from libs.common.contracts.message import Message
from libs.common.database.engine import run
from libs.common.messaging import dead_letters
from libs.common.messaging.consumer import apply_batch, redrive
from libs.common.messaging.dead_letters import insert
from libs.common.messaging.forged_messages import ForgedMessages
from libs.common.messaging.offsets import StaleOwner
from libs.common.tests.conftest import CONSUMER, Store
from libs.common.tests.crypto.test_message_signatures import key, sign, verifier
from libs.common.tests.factories import hint, message, messages, write

pytestmark = pytest.mark.database


def apply(store: Store, batch: Sequence[Message], with_apply: object = write) -> None:
    with store.engine.begin() as connection:
        apply_batch(connection, CONSUMER, batch, with_apply)  # type: ignore[arg-type] # some applies read the store


def ids(batch: Sequence[Message]) -> list[str]:
    return [m.event_id for m in batch]


def refuse_odd(connection: Connection, events: Sequence[Event]) -> None:
    """Writes first and refuses afterwards: what it wrote for a refused message must not stay."""
    write(connection, events)
    for event in events:
        assert isinstance(event, ProviderEventReceived)
        if int(event.provider_event.removeprefix("evt_")) % 2:
            raise Reject("odd ones are wrong", "test.odd")


def test_messages_offsets_and_inbox_move_together(store: Store) -> None:
    batch = [*messages(3), *(message(hint(10 + n), 1, n) for n in range(2))]
    apply(store, batch)
    assert store.applied() == ids(batch)
    assert store.offsets() == {0: 3, 1: 2}
    assert store.rows("SELECT count(*) FROM inbox WHERE consumer = :c", c=CONSUMER) == [(5,)]


def test_a_transaction_that_does_not_commit_leaves_nothing(store: Store) -> None:
    with store.engine.connect() as connection:
        apply_batch(connection, CONSUMER, messages(3), write)
        connection.rollback()
    assert (store.applied(), store.offsets()) == ([], {0: 0, 1: 0})
    assert store.rows("SELECT FROM inbox") == []
    apply(store, messages(3))
    assert len(store.applied()) == 3


def test_the_same_batch_again_is_refused_as_a_stale_owners(store: Store) -> None:
    apply(store, messages(3))
    with pytest.raises(StaleOwner):
        apply(store, messages(3))
    assert len(store.applied()) == 3


def test_an_event_that_comes_again_further_on_is_not_applied_again(store: Store) -> None:
    apply(store, messages(3))
    again = [m._replace(offset=m.offset + 3) for m in messages(3)] + messages(1, first=6)
    apply(store, again)
    assert store.applied() == [*ids(messages(3)), *ids(messages(1, first=6))]
    assert store.offsets()[0] == 7


def test_an_event_twice_in_one_batch_is_applied_once(store: Store) -> None:
    one = messages(1)[0]
    apply(store, [one, one._replace(offset=1)])
    assert store.applied() == [one.event_id]
    assert store.offsets()[0] == 2


def test_another_consumer_has_an_inbox_of_its_own(store: Store) -> None:
    apply(store, messages(1))
    with store.engine.begin() as connection:
        run(
            connection,
            "UPDATE consumer_offset SET consumer = 'other' WHERE consumer = :c",
            c=CONSUMER,
        )
        run(connection, "UPDATE consumer_offset SET next_offset = 0")
        apply_batch(connection, "other", messages(1), write)
    assert store.applied() == ids(messages(1)) * 2


@pytest.mark.parametrize("stored", [1, 2, 7])
def test_one_stale_partition_stops_the_whole_batch(store: Store, stored: int) -> None:
    with store.engine.begin() as connection:
        run(connection, "UPDATE consumer_offset SET next_offset = :o WHERE partition = 1", o=stored)
    with pytest.raises(StaleOwner):
        apply(store, [*messages(2), message(hint(9), 1, 0)])
    assert (store.applied(), store.offsets()) == ([], {0: 0, 1: stored})


def test_a_partition_whose_offset_was_never_stored_is_nobodys(store: Store) -> None:
    with pytest.raises(StaleOwner):
        apply(store, messages(1, partition=5))


def test_of_two_owners_at_the_same_time_one_is_refused(store: Store) -> None:
    refused: list[BaseException] = []

    def second() -> None:
        try:
            apply(store, messages(3))
        except StaleOwner as error:
            refused.append(error)

    thread = threading.Thread(target=second)
    with store.engine.begin() as connection:
        apply_batch(connection, CONSUMER, messages(3), write)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()  # it waits for our rows
    thread.join(10)
    assert len(refused) == 1
    assert store.applied() == ids(messages(3))


def test_only_the_wrong_ones_become_dead_letters_with_their_bytes(store: Store) -> None:
    batch = messages(5)
    apply(store, batch, refuse_odd)
    assert store.applied() == ids(batch[::2])
    assert store.offsets()[0] == 5
    letters = store.rows("""
        SELECT message_offset, CAST(event_id AS text),
               message_key, message_type, correlation, body,
               code, reason
        FROM dead_letter
        ORDER BY message_offset""")
    assert [
        (o, e, k, t, c, bytes(b), code, reason) for o, e, k, t, c, b, code, reason in letters
    ] == [
        (
            m.offset,
            m.event_id,
            m.key,
            m.type,
            m.correlation,
            m.body,
            "test.odd",
            "odd ones are wrong",
        )
        for m in batch[1::2]
    ]


def test_an_unknown_type_and_a_body_that_does_not_fit_become_dead_letters(store: Store) -> None:
    batch = messages(3)
    apply(
        store,
        [
            batch[0],
            batch[1]._replace(type="provider-event-received.v9"),
            batch[2]._replace(body=b"{}"),
        ],
    )
    assert store.applied() == [batch[0].event_id]
    assert store.rows("SELECT message_offset, code FROM dead_letter ORDER BY 1") == [
        (1, "event.unknown"),
        (2, "event.unknown"),
    ]


@pytest.mark.parametrize("event_id", ["", "not-a-uuid", "0A3C1B6E-7D1B-5B1C-9C50-1A3C3B6E7D1B"])
def test_a_message_without_a_usable_id_becomes_a_dead_letter_and_the_partition_goes_on(
    store: Store, event_id: str
) -> None:
    batch = messages(3)
    apply(store, [batch[0], batch[1]._replace(event_id=event_id), batch[2]])
    assert store.applied() == [batch[0].event_id, batch[2].event_id]
    assert store.offsets()[0] == 3
    assert store.rows("SELECT message_offset, event_id, code FROM dead_letter") == [
        (1, None, "event.no-id")
    ]


def test_a_body_of_another_event_than_its_headers_becomes_a_dead_letter(store: Store) -> None:
    one, two = messages(2)
    apply(store, [one._replace(body=two.body), two])
    assert store.applied() == [two.event_id]
    assert store.rows("SELECT message_offset, code FROM dead_letter") == [(0, "event.other-id")]


def test_characters_the_database_cannot_hold_do_not_stop_the_partition(store: Store) -> None:
    odd = messages(1)[0]._replace(key="a\x00b", type="x\x00y", correlation="\x00", event_id="\x00")
    apply(store, [odd, *messages(1, first=1)])
    assert len(store.applied()) == 1
    assert store.rows("SELECT message_key, message_type FROM dead_letter") == [
        ("a\ufffdb", "x\ufffdy")
    ]


def test_retry_undoes_everything_even_dead_letters(store: Store) -> None:
    def later(connection: Connection, events: Sequence[Event]) -> None:
        write(connection, events)
        raise Retry("a dependency is down")

    with pytest.raises(Retry):
        apply(store, [*messages(2), messages(3)[2]._replace(type="?")], later)
    assert (
        store.applied(),
        store.offsets()[0],
        store.rows("SELECT FROM dead_letter"),
        store.rows("SELECT FROM inbox"),
    ) == ([], 0, [], [])


def test_an_error_that_is_a_bug_is_not_swallowed(store: Store) -> None:
    def broken(connection: Connection, events: Sequence[Event]) -> None:
        run(connection, "SELECT 1 / 0")

    with pytest.raises(DBAPIError):
        apply(store, messages(1), broken)
    assert store.offsets()[0] == 0


def test_a_message_rejected_twice_is_one_dead_letter(store: Store) -> None:
    for _ in range(2):
        with store.engine.begin() as connection:
            insert(connection, CONSUMER, messages(1)[0], Reject("wrong"))
    assert len(store.rows("SELECT FROM dead_letter")) == 1


def test_a_dead_letter_is_redriven_once(store: Store) -> None:
    apply(store, messages(2), refuse_odd)
    ((letter,),) = store.rows("SELECT dead_letter_id FROM dead_letter")
    done = []
    for _ in range(2):
        with store.engine.begin() as connection:
            done.append(redrive(connection, letter, write, "pat"))
    assert done == [True, False]
    assert store.applied() == ids(messages(2))
    assert store.rows("SELECT redriven_by, redriven_at IS NOT NULL FROM dead_letter") == [
        ("pat", True)
    ]


def test_two_people_redrive_at_the_same_time_and_it_is_applied_once(store: Store) -> None:
    apply(store, messages(2), refuse_odd)
    ((letter,),) = store.rows("SELECT dead_letter_id FROM dead_letter")
    done: list[bool] = []

    def second() -> None:
        with store.engine.begin() as connection:
            done.append(redrive(connection, letter, write, "sam"))

    thread = threading.Thread(target=second)
    with store.engine.begin() as connection:
        done.append(redrive(connection, letter, write, "pat"))
        thread.start()
        thread.join(0.3)
    thread.join(10)
    assert sorted(done) == [False, True]
    assert len(store.applied()) == 2


def test_what_is_still_wrong_stays_a_dead_letter_and_an_unknown_one_is_none(store: Store) -> None:
    apply(store, messages(2), refuse_odd)
    ((letter,),) = store.rows("SELECT dead_letter_id FROM dead_letter")
    with pytest.raises(Reject), store.engine.begin() as connection:
        redrive(connection, letter, refuse_odd, "pat")
    assert store.rows("SELECT redriven_at FROM dead_letter") == [(None,)]
    with store.engine.begin() as connection:
        assert redrive(connection, letter + 1, write, "pat") is False
    assert len(store.applied()) == 1


class TestSignatures:
    """What the owner of a topic did not sign becomes a dead letter before it reaches the inbox."""

    def test_a_forged_message_is_a_dead_letter_and_does_not_keep_the_true_one_out(
        self, store: Store
    ) -> None:
        true = sign(messages(3))
        forged = true[1]._replace(signature=b"")
        refusals = verifier().refusals
        with store.engine.begin() as connection:
            apply_batch(connection, CONSUMER, [true[0], forged], write, refusals)
        with store.engine.begin() as connection:  # the same event, later, by its owner
            apply_batch(connection, CONSUMER, [true[1]._replace(offset=2)], write, refusals)
        assert store.rows("SELECT count(*) FROM applied") == [(2,)]
        assert store.rows("SELECT code, message_offset FROM dead_letter") == [
            ("message.unsigned", 1)
        ]
        with store.engine.connect() as connection:
            assert dead_letters.count_open(connection) == 0
            assert dead_letters.count_refused_signatures(connection) == 1

    def test_a_refused_message_counts_until_people_have_judged_it(self, store: Store) -> None:
        forged = [m._replace(signature=b"") for m in sign(messages(4))]
        with store.engine.begin() as connection:
            apply_batch(connection, CONSUMER, forged, write, verifier().refusals)
            run(connection, "UPDATE dead_letter SET buried_at = now() - interval '1 year'")
        counts = []
        for text in ("", "provider-events/0/1-2", "provider-events/1/1,provider-events/0/0-3"):
            with store.engine.connect() as connection:
                named = ForgedMessages.parse(text)
                counts.append(dead_letters.count_refused_signatures(connection, named))
        assert counts == [4, 2, 0]

    def test_a_true_message_under_another_id_or_batch_keeps_no_event_out(
        self, store: Store
    ) -> None:
        signed = sign(messages(2))
        other_id = signed[0]._replace(offset=1, event_id=signed[1].event_id)
        no_id = signed[0]._replace(offset=2, event_id="")
        other_batch = signed[0]._replace(offset=3, correlation=str(hint(9).event_id))
        with store.engine.begin() as connection:
            apply_batch(
                connection,
                CONSUMER,
                [signed[0], other_id, no_id, other_batch, signed[1]._replace(offset=4)],
                write,
                verifier().refusals,
            )
        assert store.applied() == ids(signed)
        assert store.rows("SELECT code, message_offset FROM dead_letter ORDER BY 2") == [
            ("message.signature", offset) for offset in (1, 2, 3)
        ]

    def test_a_refused_one_is_redriven_once_its_key_is_known_and_never_if_it_is_forged(
        self, store: Store
    ) -> None:
        late = sign(messages(1), f"webhooks-2:{key(9)}")[0]
        forged = late._replace(offset=1, body=late.body.replace(b"evt_0", b"evt_7"))
        with store.engine.begin() as connection:
            apply_batch(connection, CONSUMER, [late, forged], write, verifier().refusals)
        letters = [
            row[0] for row in store.rows("SELECT dead_letter_id FROM dead_letter ORDER BY 1")
        ]
        with_key = verifier({"webhooks": f"webhooks-2:{key(9)}"}).verify
        for letter, verify in ((letters[0], None), (letters[0], verifier().verify)):
            with store.engine.begin() as connection, pytest.raises(Reject):
                redrive(connection, letter, write, "pat", verify)
        with store.engine.begin() as connection:
            assert redrive(connection, letters[0], write, "pat", with_key)
        with store.engine.begin() as connection, pytest.raises(Reject):
            redrive(connection, letters[1], write, "pat", with_key)
        assert store.rows("SELECT count(*) FROM applied") == [(1,)]

    @pytest.mark.parametrize("refused", ["late key", "no id"])
    @pytest.mark.parametrize("first", ["letter", "copy"])
    def test_of_a_refused_message_and_its_copy_one_is_applied_whichever_comes_first(
        self, store: Store, first: str, refused: str
    ) -> None:
        keys = f"webhooks-2:{key(9)}"
        with_key = verifier({"webhooks": keys})
        true = messages(1)[0]
        bad = true if refused == "late key" else true._replace(event_id="none")
        (letter,) = sign([bad], keys)
        (copy,) = sign([true._replace(offset=1)], keys)
        known = verifier() if refused == "late key" else with_key
        with store.engine.begin() as connection:
            apply_batch(connection, CONSUMER, [letter], write, known.refusals)
        ((letter_id,),) = store.rows("SELECT dead_letter_id FROM dead_letter")

        def read_copy(connection: Connection) -> None:
            apply_batch(connection, CONSUMER, [copy], write, with_key.refusals)

        def redrive_letter(connection: Connection) -> None:
            assert redrive(connection, letter_id, write, "pat", with_key.verify)

        steps = [redrive_letter, read_copy]
        for step in steps if first == "letter" else reversed(steps):
            with store.engine.begin() as connection:
                step(connection)
        assert store.applied() == [true.event_id]
        assert store.rows("SELECT code, redriven_by FROM dead_letter") == [
            ("message.signature" if refused == "late key" else "event.no-id", "pat")
        ]

    def test_a_letter_whose_header_names_another_event_is_never_applied(self, store: Store) -> None:
        other = messages(1)[0]._replace(event_id=str(hint(5).event_id))
        with store.engine.begin() as connection:
            apply_batch(connection, CONSUMER, [other], write)
        ((letter_id,),) = store.rows("SELECT dead_letter_id FROM dead_letter")
        with store.engine.begin() as connection, pytest.raises(Reject, match="header says"):
            redrive(connection, letter_id, write, "pat")
        assert store.applied() == []
