"""Which records of a service's topics are its own: those that name it and that its key signed.

A record that names the service and cannot be verified is in doubt. Either a public key is missing,
or somebody forged it. It is never passed over as if nothing was there. Only people can decide that
it is forged: they name it in the setting `FORGED_MESSAGES`.
"""

from dataclasses import dataclass

from libs.common.contracts.errors import Reject
from libs.common.contracts.message import Message, is_uuid
from libs.common.messaging.consumer import Verify
from libs.common.messaging.forged_messages import NONE_FORGED, ForgedMessages


@dataclass(frozen=True)
class OwnMessages:
    """Tells a service's own messages from others.

    Args:
        name: the service.
        verify: verifies that the owner of its topic signed a message. Without it every message is
            believed; only tests do that.
        forged: records that people found to be forged. They are passed over, unless they can be
            verified: a topic that was made anew has true messages at the same places.
    """

    name: str
    verify: Verify | None = None
    forged: ForgedMessages = NONE_FORGED

    def is_named(self, message: Message) -> bool:
        """Whether a message names this service as its sender. Anybody may have written that."""
        return message.producer == self.name and is_uuid(message.event_id)

    def is_verified(self, message: Message) -> bool:
        """Whether this service signed a message that names it."""
        if self.verify is None:
            return True
        try:
            self.verify(message)
        except Reject:
            return False
        return True
