"""What one attempt to deliver a notification has come to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """`reason` is a code of ours, "" if the receiver has accepted; never a text of a receiver.

    `is_final`: another attempt would come to the same.
    """

    reason: str = ""
    is_final: bool = False

    @property
    def is_sent(self) -> bool:
        """Whether the receiver has said that it has it."""
        return not self.reason


SENT = Outcome()
