"""A partition is searched back to the service's newest verified message, whatever lies after it."""

from collections.abc import Callable, Iterator

import pytest

from libs.common.contracts.message import Message
from libs.common.contracts.topics import PROVIDER_EVENTS
from libs.common.messaging.forged_messages import ForgedMessages
from libs.common.recovery import restore
from libs.common.recovery.own_messages import OwnMessages
from libs.common.tests.crypto.test_message_signatures import sign, verifier
from libs.common.tests.factories import messages

Log = list[Message]
Search = Callable[[Log, str], restore.NewestMessages]


def named(count: int, *, signed: int, producer: str = "webhooks") -> Log:
    """A partition: so many messages of the service, the first of them signed by it."""
    made = [one._replace(producer="webhooks") for one in messages(count)]
    return [*sign(made[:signed]), *(one._replace(producer=producer) for one in made[signed:])]


@pytest.fixture
def reads() -> list[range]:
    """The offsets that each step of the search has read."""
    return []


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch, reads: list[range]) -> Search:
    """Search a partition in memory, with the records named in FORGED_MESSAGES."""

    def run(log: Log, forged: str) -> restore.NewestMessages:
        place = PROVIDER_EVENTS.name, 0

        def read(_: object, ranges: restore.Ranges, *__: object) -> Iterator[Message]:
            offsets = range(*ranges[place])
            reads.append(offsets)
            return (log[offset] for offset in offsets)

        monkeypatch.setattr(restore, "full_ranges", lambda *_: {place: (0, len(log))})
        monkeypatch.setattr(restore, "read_ranges", read)
        own = OwnMessages("webhooks", verifier().verify, ForgedMessages.parse(forged))
        return restore.newest_own_messages("127.0.0.1:1", own, [PROVIDER_EVENTS])

    return run


@pytest.mark.parametrize("junk", [0, 1, 49, 50, 51, 60, 5_000])
@pytest.mark.parametrize("producer", ["webhooks", "another"])
def test_no_number_of_records_after_a_message_hides_it(
    search: Search, junk: int, producer: str
) -> None:
    log = named(3 + junk, signed=3, producer=producer)
    forged = f"{PROVIDER_EVENTS.name}/0/3-{len(log)}"
    assert search(log, forged) == restore.NewestMessages([log[2]], [])


def test_what_is_in_doubt_comes_in_order_and_without_bodies(search: Search) -> None:
    log = named(203, signed=3)
    found = search(log, "")
    assert found.verified == [log[2]]
    assert [one.offset for one in found.in_doubt] == list(range(3, 203))
    assert {(one.body, one.signature) for one in found.in_doubt} == {(b"", b"")}


def test_a_partition_without_a_message_of_ours_is_read_once_in_few_steps(
    search: Search, reads: list[range]
) -> None:
    log = named(10_000, signed=0, producer="another")
    assert search(log, "") == restore.NewestMessages([], [])
    assert sorted(offset for step in reads for offset in step) == list(range(10_000))
    assert len(reads) < 12


def test_usually_one_record_is_read(search: Search, reads: list[range]) -> None:
    search(named(500, signed=500), "")
    assert reads == [range(499, 500)]
