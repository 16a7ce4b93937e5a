"""What requests to ingest look like."""

from dataclasses import dataclass
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.contracts.events.batches import ApprovalAssertion
from services.ingest.domain.approval import Approval, Include
from services.ingest.domain.correction import Correction


@dataclass(frozen=True)
class PageQuery:
    """The query parameters of every list. `q` is searched for; `-name` sorts descending."""

    limit: int = 100
    cursor: str = ""
    q: str = ""
    sort: str = ""


class Body(BaseModel):
    """A request body. An unknown field is an error, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class IncludeBody(Body):
    """An excluded row that is paid all the same."""

    row_id: UUID
    reason: str = Field(min_length=1, max_length=1_000)


class ApproveBody(Body):
    """An approval."""

    digest: str = Field(max_length=100)
    acknowledge: list[str] = Field(default=[], max_length=1_000)
    include: list[IncludeBody] = Field(default=[], max_length=100_000)
    start_at: AwareDatetime | None = None
    approved_digest: str = Field(
        default="", max_length=100, description="with the included rows, if there are any"
    )

    def approval_of(
        self,
        person: str,
        counts_as: frozenset[str] = frozenset(),
        assertion: ApprovalAssertion | None = None,
    ) -> Approval:
        """The approval of this person, who counts as these people by API tokens."""
        return Approval(
            person,
            self.digest,
            frozenset(self.acknowledge),
            tuple(Include(one.row_id, one.reason) for one in self.include),
            counts_as,
            approved_digest=self.approved_digest if self.include else "",
            assertion=assertion,
            start_at=self.start_at,
        )


class ReasonBody(Body):
    """An act that needs a reason."""

    reason: str = Field(min_length=1, max_length=1_000)


class CorrectionBody(Body):
    """A correction of one field of one payor's address."""

    source_account_id: str
    field: str
    from_value: str = Field(alias="from")
    to_value: str = Field(alias="to", max_length=256)

    def correction(self) -> Correction:
        """The correction."""
        return Correction(self.source_account_id, self.field, self.from_value, self.to_value)


class CorrectionsBody(Body):
    """Corrections that are made together."""

    corrections: list[CorrectionBody] = Field(min_length=1, max_length=10_000)


class PeriodBody(Body):
    """The pay period of a batch, by any date in it."""

    period: str = Field(min_length=1, max_length=10)


class FilterBody(Body):
    """All rows of one status."""

    status: str


class ChildBody(Body):
    """Which rows a child batch gets: `rows` or `filter`."""

    rows: list[UUID] = Field(default=[], max_length=100_000)
    filter: FilterBody | None = None
    reason: str = Field(min_length=1, max_length=1_000)
