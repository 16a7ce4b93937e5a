"""Bodies of HTTP requests to the ledger."""

from datetime import date
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from libs.common.contracts.events.ledger import AcknowledgeAct
from services.ledger.domain.accounting import COST_CENTRE, GL_TEXT, GlType


class AcknowledgeOrder(BaseModel):
    """How a break is explained. `evidence` is the digest of the break as the person saw it."""

    act: AcknowledgeAct
    reason: str = Field(min_length=1, max_length=500)
    evidence: str = Field(min_length=1, max_length=100)


class MappingLineOrder(BaseModel):
    """Where one account of the ledger, or all of a kind, goes in the general ledger."""

    account: str = Field(max_length=200, pattern=r"^((source|branch):.+|outside:provider)$")
    gl_account: str = Field(pattern=GL_TEXT)
    gl_type: GlType
    cost_centre: str = Field(default="", pattern=COST_CENTRE)


class MappingOrder(BaseModel):
    """A new version of the mapping, after the version `base` that the person saw."""

    base: int = Field(ge=0)
    lines: list[MappingLineOrder] = Field(max_length=2_000)
    reason: str = Field(min_length=1, max_length=500)


class AccountingOrder(BaseModel):
    """An accounting export: of one batch, or of every batch through a day in UTC."""

    batch_id: UUID | None = None
    through: date | None = None
    last_number: int | None = Field(default=None, ge=0)


class AvailableOrder(BaseModel):
    """What the bank shows for a source account, and of when; by default of this moment."""

    source_account_id: str = Field(min_length=1, max_length=200)
    available_cents: int = Field(ge=0, le=10**13)
    as_of: AwareDatetime | None = None


class BankStatementOrder(BaseModel):
    """A bank's statement of one source account, as the text of its file."""

    source_account_id: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=8_000_000)
