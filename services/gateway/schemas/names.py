"""Names that people give branches and source accounts."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from services.gateway.schemas.models import STORABLE_TEXT, RequestModel, ResponseModel

NameKind = Literal["branch", "source"]


class GivenName(ResponseModel):
    """A name as somebody gave it; empty: it has none any more. The newest version counts."""

    kind: NameKind
    id: str
    version: int
    name: str
    given_by: str
    given_at: datetime


class GivenNames(ResponseModel):
    """The newest name of each branch and source account that ever had one; or one's history."""

    items: list[GivenName]


class Nameless(ResponseModel):
    """A branch or a source account without a name."""

    kind: NameKind
    id: str


class AllNameless(ResponseModel):
    """Branches and source accounts that rosters have and that have no name; at most 500."""

    items: list[Nameless]
    more: bool


class NameOrder(RequestModel):
    """A name, after the version `base` that the person saw (0: none); empty: none any more."""

    kind: NameKind
    id: str = Field(min_length=1, max_length=200, pattern=STORABLE_TEXT)
    base: int = Field(ge=0, le=2**31 - 2)
    name: str = Field(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")
