"""What comes from the provider: its webhooks, and statements made from its list of payments."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.contracts import topics
from libs.common.contracts.envelope import Event, Value
from libs.common.contracts.topics import Topic


class ProviderEventReceived(Event):
    """A verified webhook: a hint that something of the provider's has changed, never evidence of
    what.
    """

    topic: ClassVar[Topic] = topics.PROVIDER_EVENTS
    type: Literal["provider-event-received.v1"] = "provider-event-received.v1"
    provider_id: str = Field(description="the payment's, account's or entity's id at the provider")
    provider_event: str
    webhook_type: str
    received_at: AwareDatetime


class StatementLine(Event):
    """One payment as the provider lists it, with its accounts as read from the provider."""

    topic: ClassVar[Topic] = topics.PROVIDER_STATEMENTS
    type: Literal["statement-line.v1"] = "statement-line.v1"
    run_id: UUID
    batch_id: UUID
    line: int = Field(ge=1)
    provider_payment_id: str
    payment_id: str = Field(
        default="",
        description="as our metadata at the provider says; empty for a payment that is not ours",
    )
    attempt: int = 0
    provider_status: str
    amount_cents: int
    source_routing: str = ""
    source_last4: str = ""
    employee_id: str = Field(
        default="",
        description="of the destination's holder, from the holder's metadata at the provider",
    )
    person_index: str = Field(default="", description="likewise")
    merchant_id: str = ""
    loan_last4: str = ""


class DecidedDuplicate(Value):
    """What two people decided about a payment that was alive twice at the provider.

    `provider_payment_ids` are all that were alive when it was decided.
    """

    payment_id: UUID
    provider_payment_ids: tuple[str, ...]
    act: Literal["ended", "recovered", "accepted"]
    reason: str
    proposed_by: str
    decided_by: str
    decided_at: AwareDatetime


class StatementClosed(Event):
    """The end of a statement: only a statement whose lines all arrived, and which is complete, is
    judged.
    """

    topic: ClassVar[Topic] = topics.PROVIDER_STATEMENTS
    type: Literal["statement-closed.v1"] = "statement-closed.v1"
    run_id: UUID
    batch_id: UUID
    complete: bool
    pages: int
    lines: int
    amount_cents: int
    from_at: AwareDatetime
    begun_at: AwareDatetime
    requested_by: str = ""
    final_versions: int = Field(
        description="sum of the batch's payment versions when the walk began; "
        "older statuses are covered"
    )
    dead_letters: int = Field(
        default=0,
        description="messages of the batch that the dispatcher has rejected "
        "and nobody has redriven",
    )
    undecided_duplicates: int = Field(
        default=0,
        description="payments of the batch that were alive twice at the provider, "
        "and about which two people have not decided yet",
    )
    decided_duplicates: tuple[DecidedDuplicate, ...] = Field(
        default=(),
        description="what people decided about the others, oldest first",
    )
    message: str = ""
