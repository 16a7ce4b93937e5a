"""Claims: which worker's answer about a payment or provider object may still be written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """Which attempt of a subject is being sent, and under which fence.

    A fence only grows: every change of the subject makes the next one.
    """

    status: str
    attempt: int
    fence: int


def may_record(current: Claim, attempt: int, fence: int) -> bool:
    """Whether the answer to a call of this attempt and fence may be written.

    Not after anything else was written since: another worker's lease, a look-up, a decision of
    people, or this very answer, when the reply to its commit was lost.
    """
    is_sent = current.status in ("sending", "in_doubt")
    return is_sent and (current.attempt, current.fence) == (attempt, fence)
