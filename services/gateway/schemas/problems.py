"""Problems: the body of every answer that is not a success (RFC 9457)."""

from typing import Any

from services.gateway.schemas.models import ResponseModel


class Problem(ResponseModel):
    """What happened: RFC 9457, with a stable `code`, whether money is affected, and what to do."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    money: str
    action: str
    request_id: str


#: Refers to `Problem` by name; /health carries the model itself, so the name is among the schemas.
CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_DESCRIPTIONS = {
    400: "The request is malformed.",
    401: "Not signed in.",
    403: "Signed in, but not allowed.",
    404: "There is no such thing.",
    409: "Something has changed, or this was done before.",
    413: "Too large.",
    415: "This kind of file is not accepted.",
    422: "The request is not valid.",
    429: "Too many requests; Retry-After says how long to wait.",
    500: "A bug.",
    502: "A service failed.",
    503: "A service is not available.",
    504: "A service does not answer.",
    507: "There is no room for the file.",
}
_PLACE = "#/components/responses/"
#: The answers with a problem, by their names in the description of the API.
PROBLEM_ANSWERS = {
    f"Problem{status}": {"description": description, "content": CONTENT}
    for status, description in _DESCRIPTIONS.items()
}
#: The problems that every route may answer with: each refers to one of PROBLEM_ANSWERS.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"$ref": f"#/components/responses/Problem{status}", "description": description}
    for status, description in _DESCRIPTIONS.items()
}
