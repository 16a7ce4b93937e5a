"""Where the relay has written last: offsets of a topic only go up, unless it is an older copy."""

from collections.abc import Mapping

from libs.common.contracts.errors import Fatal

#: The code of the error that ends a process which sees a topic of an older copy.
OLDER = "kafka.topic-older"
#: The offset after the last message, by (topic, partition).
Ends = Mapping[tuple[str, int], int]


class WrittenOffsets:
    """The end of each partition as far as this process knows; an acknowledged offset lies behind.

    Args:
        ends: where the partitions ended when the service started.
    """

    def __init__(self, ends: Ends | None = None) -> None:
        self._ends = dict(ends or {})

    def note(self, topic: str, partition: int, offset: int) -> None:
        """Take in the offset of a message that the broker acknowledged.

        Raises:
            Fatal: something was there before. Do not mark the message as published: what lay there
                is lost, and only people can tell how much.
        """
        end = self._ends.get((topic, partition), 0)
        if offset < end:
            raise Fatal(
                f"{topic}/{partition}: a message was written at offset {offset}, where others "
                f"were up to {end - 1}: the topic was restored from an older copy",
                OLDER,
            )
        self._ends[topic, partition] = offset + 1
