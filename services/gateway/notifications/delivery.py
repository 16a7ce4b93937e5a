"""One attempt to deliver an event, or a test, to a channel of a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from libs.common.crypto.field_encryption import DecryptionFailed, FieldCipher
from services.gateway.domain.notification_texts import title_and_body
from services.gateway.notifications.message_client import MessageClient
from services.gateway.notifications.outcome import Outcome
from services.gateway.notifications.webhook_client import WebhookClient, WebhookMessage
from services.gateway.store.notification_channels import SealedChannel

ADDRESS_FIELD, SECRET_FIELD = "notification_address", "notification_secret"


@dataclass(frozen=True)
class Content:
    """What is told: the same for each attempt."""

    message_id: str
    kind: str
    subject: str
    figures: Mapping[str, int]
    path: str
    at: datetime


@dataclass(frozen=True)
class Courier:
    """Opens a channel's address and sends to it."""

    cipher: FieldCipher
    public_url: str
    webhooks: WebhookClient
    messages: MessageClient

    async def deliver(self, channel: SealedChannel, content: Content) -> Outcome:
        """Make one attempt."""
        row_id = str(channel.channel_id)
        try:
            address = self.cipher.decrypt(channel.sealed_address, ADDRESS_FIELD, row_id)
            if channel.service:
                return await self._send_text(channel, address, content)
            secret = self.cipher.decrypt(channel.sealed_secret, SECRET_FIELD, row_id)
        except DecryptionFailed:
            return Outcome("removed", is_final=True)
        message = WebhookMessage(
            content.message_id,
            content.kind,
            content.at,
            {
                "subject": content.subject,
                **content.figures,
                "link": self.public_url + content.path,
            },
        )
        return await self.webhooks.send(address, secret, message)

    async def _send_text(self, channel: SealedChannel, address: str, content: Content) -> Outcome:
        title, body = title_and_body(
            content.kind, channel.language, content.subject, content.figures
        )
        text = f"{body}\n\n{self.public_url}{content.path}"
        return await self.messages.send(channel.service, address, title, text)
