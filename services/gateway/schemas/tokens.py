"""API tokens, and the people they can be created for."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.gateway.domain.access import Role
from services.gateway.schemas.models import PageModel, RequestModel, ResponseModel
from services.gateway.schemas.sign_in import Human


class TokenOrder(RequestModel):
    """A token for a script that acts for a person, with some of the person's roles."""

    name: str = Field(
        min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$", description="what it is for"
    )
    person: str = Field(
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="the person's id; every call counts as this person's",
    )
    roles: list[Role] = Field(min_length=1, max_length=5)
    read_only: bool = False
    days: int = Field(default=90, ge=1, le=366, description="until it expires")


class Token(ResponseModel):
    """An API token, without its secret."""

    token_id: UUID
    name: str
    person: str
    roles: list[str]
    read_only: bool
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="to within half a minute")
    revoked_at: datetime | None
    revoked_by: str | None
    status: Literal["active", "expired", "revoked"]


class TokenMade(Token):
    """A new token. `token` is its secret, shown once.

    `token` is null when this answer is repeated under its idempotency key.
    """

    token: str | None


class Tokens(PageModel):
    """A page of tokens, newest first."""

    items: list[Token]


class People(PageModel):
    """The people a token can be created for."""

    items: list[Human]
