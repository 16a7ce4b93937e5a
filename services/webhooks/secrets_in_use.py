"""Which secrets a delivery may be signed with: ours, and for an hour the one before.

Another secret is made known to the provider by new webhooks (services/dispatcher). Until it uses
them, and while deliveries are on their way, it signs with the secret before.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from libs.common.crypto.webhook_secrets import secret_digest
from services.webhooks.store import secrets
from services.webhooks.store.security_events import count_forged_alone

OVERLAP = timedelta(hours=1)
#: So many deliveries with another signature, and none with ours, are no accident.
FORGED_MIN = 3


@dataclass
class SecretsInUse:
    """The secrets of the settings, and until when the one before counts."""

    secret: str
    previous: str = ""
    previous_until: datetime | None = field(init=False, default=None)

    def accepted(self, now: datetime) -> tuple[str, ...]:
        """The secrets that count now. Before the first check the one before does not."""
        if self.previous and self.previous_until is not None and now < self.previous_until:
            return (self.secret, self.previous)
        return (self.secret,)

    def check(self, engine: Engine) -> dict[str, str]:
        """Read until when the one before counts; the sentences for /ops/health.

        Raises:
            SQLAlchemyError: the database does not answer.
        """
        with engine.begin() as connection:
            self.previous_until = (
                secrets.in_use_since(connection, secret_digest(self.secret)) + OVERLAP
            )
            forged = count_forged_alone(connection)
        over = bool(self.previous) and datetime.now(UTC) >= self.previous_until
        return {"webhook secret": forged_sentence(forged), "previous secret": over_sentence(over)}


def forged_sentence(count: int) -> str:
    """Whether the provider signs with another secret."""
    if count < FORGED_MIN:
        return ""
    return (
        f"{count} deliveries of the last hour are signed with another secret, and none since with "
        "ours: the provider does not know it. Compare PAYDOWN_WEBHOOKS_SECRET with "
        "PAYDOWN_DISPATCHER_WEBHOOK_SECRET."
    )


def over_sentence(over: bool) -> str:
    """Whether the secret before is still in the settings."""
    return "PAYDOWN_WEBHOOKS_PREVIOUS_SECRET does not count any more. Remove it." if over else ""
