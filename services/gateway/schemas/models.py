"""What the bodies of all requests and answers have in common.

The classes in `schemas` describe the public API. Answers of the services are relayed as they are,
not rebuilt from these classes.
"""

from pydantic import BaseModel, ConfigDict

STORABLE_TEXT = r"^[^\x00]*$"  # PostgreSQL cannot store NUL in a text


class ResponseModel(BaseModel):
    """A part of an answer. A newer service may add fields."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)


class RequestModel(BaseModel):
    """The body of a request. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class PageModel(ResponseModel):
    """A page of a list. `next` is the cursor of the page after it."""

    next: str | None
    total: int
