"""The shapes of the public API that concern people: signing in, sessions, tokens."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.gateway.domain.access import Role
from services.gateway.schemas.batches import Listed, Order, Shape


class Human(Shape):
    """A person this system knows."""

    id: str
    name: str
    roles: list[str]


class Me(Human):
    """The person who is signed in, and how."""

    auth_mode: Literal["demo", "oidc"]
    via: str = Field(description="`session`, `token <id>`, or nothing for a demo token")
    read_only: bool


class SignInWays(Shape):
    """How people sign in here: as one of `people` (demo), or by going to `login_url`."""

    mode: Literal["demo", "oidc"]
    people: list[Human]
    default: str | None = Field(
        description="the person a page may sign in as without asking; demo only"
    )
    login_url: str | None


class SignIn(Order):
    """Which of the demo people to be."""

    person: str = Field(min_length=1, max_length=100)


class SignedOut(Shape):
    """The session has ended here; `logout_url` ends the one at the identity provider as well."""

    signed_out: bool
    logout_url: str | None


class TokenOrder(Order):
    """A token for a script that acts for a person, with no more than these of the person's roles."""

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
    days: int = Field(default=90, ge=1, le=366, description="until it ends")


class Token(Shape):
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
    """A new token. `token` is its secret, shown this once; null when this answer is told again under its idempotency key."""

    token: str | None


class Tokens(Listed):
    """A page of tokens, newest first."""

    items: list[Token]


class People(Listed):
    """The people a token can be made for."""

    items: list[Human]
