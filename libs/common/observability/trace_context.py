"""W3C trace context as this system uses it: a batch is one trace (ADR 35).

Whoever knows a batch's id therefore knows its trace, and nothing has to be stored. Pure.
"""

import re
from typing import NamedTuple
from uuid import UUID

_HEADER = re.compile("(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 1
#: One more than the largest value of a trace id's last 14 digits. In a version 4 UUID those are
#: random; the variant stands before them.
_RANDOM = 1 << 56


class Context(NamedTuple):
    """Where a span belongs: its trace (32 hex digits) and its own id (16 hex digits).

    `sampled` is False if whoever made the span does not record it.
    """

    trace: str
    span: str
    sampled: bool = True

    def header(self) -> str:
        """The value of the header `traceparent`."""
        return f"00-{self.trace}-{self.span}-{'01' if self.sampled else '00'}"


def parse_header(text: str) -> Context | None:
    """Read a header `traceparent`; None if it is missing or malformed, which is no error."""
    found = _HEADER.fullmatch(text)
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if (version == "00" and more) or not trace.strip("0") or not span.strip("0"):
        return None
    return Context(trace, span, bool(int(flags, 16) & _SAMPLED))


def batch_root(batch_id: str) -> Context | None:
    """The first span of a batch, its upload. It is the same in every process.

    None if the text is no batch id.
    """
    try:
        digits = UUID(batch_id).hex
    except ValueError:
        return None
    return Context(digits, digits[:16]) if digits[:16].strip("0") else None


def unrecorded_header(correlation: str, event_id: str) -> str:
    """The header `traceparent` of an event whose publication is not recorded.

    It names the batch's trace, or a trace of the event's own if no batch is known.
    """
    trace, span = correlation.replace("-", ""), event_id.replace("-", "")
    return f"00-{trace if len(trace) == len(span) else span}-{span[:16]}-00"


def in_share(trace: str, share: float) -> bool:
    """Whether a trace is in the share (0 to 1) that is recorded; the same in every process."""
    return int(trace, 16) % _RANDOM < share * _RANDOM
