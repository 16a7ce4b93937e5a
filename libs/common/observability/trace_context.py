"""W3C trace context as this system uses it: the batch is the trace, so whoever knows a batch knows its trace (ADR 35). Pure."""

import re
from typing import NamedTuple
from uuid import UUID

_HEADER = re.compile("(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 1
_RANDOM = (
    1 << 56
)  # what the last bits of a trace id count to: random in a version 4 UUID, whose variant stands before them


class Context(NamedTuple):
    """Where a span is: its trace (32 hex digits), itself (16), and whether whoever made it records it."""

    trace: str
    span: str
    sampled: bool = True

    def header(self) -> str:
        """The value of the header `traceparent`."""
        return f"00-{self.trace}-{self.span}-{'01' if self.sampled else '00'}"


def parsed(text: str) -> Context | None:
    """The context in a header `traceparent`; None where there is none, or it is malformed (then it says nothing, and nothing is refused)."""
    found = _HEADER.fullmatch(text)
    if (
        found is None
        or (found[1] == "00" and found[5])
        or not found[2].strip("0")
        or not found[3].strip("0")
    ):
        return None
    return Context(found[2], found[3], bool(int(found[4], 16) & _SAMPLED))


def root(batch_id: str) -> Context | None:
    """The first span of a batch, its upload: the same in every process, without anything being stored. None where no batch is named."""
    try:
        digits = UUID(batch_id).hex
    except ValueError:
        return None
    return Context(digits, digits[:16]) if digits[:16].strip("0") else None


def publication(correlation: str, event_id: str) -> str:
    """The header of an event whose publication is not recorded: in its batch's trace, or in one of its own where no batch is known."""
    trace, span = correlation.replace("-", ""), event_id.replace("-", "")
    return f"00-{trace if len(trace) == len(span) else span}-{span[:16]}-00"


def within(trace: str, share: float) -> bool:
    """Whether a trace is among the share (0 to 1) that is recorded; every process comes to the same answer."""
    return int(trace, 16) % _RANDOM < share * _RANDOM
