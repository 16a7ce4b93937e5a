"""Which records of a service's topics are its own: those that name it and that its key signed.

A record that names the service and cannot be verified is in doubt. Either a public key is missing,
or somebody forged it. It is never passed over as if nothing was there. Only people can decide that
it is forged: they name it in the setting `FORGED_MESSAGES`.
"""

from dataclasses import dataclass

from libs.common.contracts.errors import Reject
from libs.common.contracts.message import Message, is_uuid
from libs.common.messaging.consumer import Verify

FORM = "forged messages are topic/partition/offset[-offset][,…]"


@dataclass(frozen=True)
class ForgedMessages:
    """Records that people found to be forged: (topic, partition, first offset, last offset)."""

    ranges: tuple[tuple[str, int, int, int], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "ForgedMessages":
        """Read `topic/partition/offset[-offset][,…]`.

        Raises:
            ValueError: it is no such list.
        """
        ranges = []
        for part in filter(None, (one.strip() for one in text.split(","))):
            topic, _, place = part.partition("/")
            partition, _, offsets = place.partition("/")
            first, _, last = offsets.partition("-")
            if not topic or not all(n.isdecimal() for n in (partition, first, last or first)):
                raise ValueError(FORM)
            ranges.append((topic, int(partition), int(first), int(last or first)))
        return cls(tuple(ranges))

    def __contains__(self, message: Message) -> bool:
        return any(
            (message.topic, message.partition) == (topic, partition)
            and first <= message.offset <= last
            for topic, partition, first, last in self.ranges
        )


@dataclass(frozen=True)
class OwnMessages:
    """Tells a service's own messages from others.

    Args:
        name: the service.
        verify: verifies that the owner of its topic signed a message. Without it every message is
            believed; only tests do that.
        forged: records that people found to be forged. They are passed over.
    """

    name: str
    verify: Verify | None = None
    forged: ForgedMessages = ForgedMessages()

    def is_named(self, message: Message) -> bool:
        """Whether a message names this service as its sender. Anybody may have written that."""
        return (
            message.producer == self.name
            and is_uuid(message.event_id)
            and message not in self.forged
        )

    def is_verified(self, message: Message) -> bool:
        """Whether this service signed a message that names it."""
        if self.verify is None:
            return True
        try:
            self.verify(message)
        except Reject:
            return False
        return True
