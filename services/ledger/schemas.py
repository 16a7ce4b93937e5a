"""Bodies of HTTP requests to the ledger."""

from pydantic import BaseModel, Field

from libs.common.contracts.events.ledger import AcknowledgeAct


class AcknowledgeOrder(BaseModel):
    """How a break is explained. `evidence` is the digest of the break as the person saw it."""

    act: AcknowledgeAct
    reason: str = Field(min_length=1, max_length=500)
    evidence: str = Field(min_length=1, max_length=100)
