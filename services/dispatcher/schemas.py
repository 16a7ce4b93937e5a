"""Bodies of HTTP requests to the dispatcher."""

from uuid import UUID

from pydantic import BaseModel, Field

from services.dispatcher.commands import DuplicateAct, HeldAct


class Reason(BaseModel):
    """Why; stored with the order and shown to people."""

    reason: str = Field(default="", max_length=500)


class GivenReason(BaseModel):
    """Why; it must be given."""

    reason: str = Field(min_length=1, max_length=500)


class HeldOrder(Reason):
    """How a held payment is ended; `bind` needs the provider's payment id."""

    act: HeldAct
    provider_payment_id: str = Field(default="", max_length=64)


class DuplicateOrder(BaseModel):
    """What became of the second of two live payments at the provider, and how that is known."""

    act: DuplicateAct
    reason: str = Field(min_length=1, max_length=500)


class KillSwitchOrder(Reason):
    """Turn the kill switch on or off."""

    on: bool


class StatementOrder(BaseModel):
    """Ask for a statement of one batch, or of all that are being paid."""

    batch_id: UUID | None = None
