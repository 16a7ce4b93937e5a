"""Signing in and out, and who is signed in."""

from typing import Literal

from pydantic import Field

from services.gateway.schemas.models import RequestModel, ResponseModel


class Human(ResponseModel):
    """A person this system knows."""

    id: str
    name: str
    roles: list[str]


class Me(Human):
    """The person who is signed in, and how."""

    auth_mode: Literal["demo", "oidc"]
    via: str = Field(description="`session`, `token <id>`, or empty for a demo token")
    read_only: bool
    notice: str = Field(
        default="", description="which roles the person does not get, and why; empty if none"
    )


class SignInWays(ResponseModel):
    """How people sign in here: as one of `people` (demo), or by opening `login_url`."""

    mode: Literal["demo", "oidc"]
    people: list[Human]
    default: str | None = Field(
        description="the person a page may sign in as without a question; demo only"
    )
    login_url: str | None


class SignIn(RequestModel):
    """Which of the demo people to sign in as."""

    person: str = Field(min_length=1, max_length=100)


class SignedOut(ResponseModel):
    """The session has ended. `logout_url` ends the one at the identity provider as well."""

    signed_out: bool
    logout_url: str | None


class LoggedOut(ResponseModel):
    """How many sessions the identity provider's logout has ended here."""

    sessions: int
