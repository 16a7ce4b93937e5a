"""Sessions of browsers, as people see and end them."""

from datetime import datetime

from pydantic import Field

from services.gateway.schemas.models import PageModel, ResponseModel


class Session(ResponseModel):
    """An open session. Its id ends it and is of no other use."""

    session_id: str
    person: str
    started_at: datetime
    seen_at: datetime = Field(description="when it was last used, to within half a minute")
    ends_at: datetime
    current: bool = Field(description="whether this call was made in it")


class Sessions(PageModel):
    """Open sessions, the last used one first."""

    items: list[Session]


class SessionEnded(ResponseModel):
    """A session that was ended, and whose it was."""

    session_id: str
    person: str
