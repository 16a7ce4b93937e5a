"""Records of topics that people found to be forged, as the setting `FORGED_MESSAGES` names them.

Nobody but people can tell a forged message from one whose key is missing.
"""

from dataclasses import dataclass

from libs.common.contracts.message import Message

FORM = "forged messages are topic/partition/offset[-offset][,…]"


@dataclass(frozen=True)
class ForgedMessages:
    """Places of records: (topic, partition, first offset, last offset)."""

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

    def columns(self) -> dict[str, list[object]]:
        """The places as one list for each part, for `unnest` in SQL."""
        parts = list(zip(*self.ranges, strict=True)) or [(), (), (), ()]
        names = ("forged_topics", "forged_partitions", "forged_firsts", "forged_lasts")
        return {name: list(part) for name, part in zip(names, parts, strict=True)}

    def __contains__(self, message: Message) -> bool:
        return any(
            (message.topic, message.partition) == (topic, partition)
            and first <= message.offset <= last
            for topic, partition, first, last in self.ranges
        )


NONE_FORGED = ForgedMessages()
