"""HTTP: the names that people give branches and source accounts."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from libs.common.web.internal_auth import Actor, Caller
from libs.common.web.problem_details import Problem
from services.reports.routes.context import Context
from services.reports.store import given_names
from services.reports.store.given_names import NameKind

UNNAMED_MAX = 500
#: No control character; a name stands on one line, also in a file.
NAME = r"^[^\x00-\x1f\x7f]*$"


class NameOrder(BaseModel):
    """A name after the version `base` that the person saw (0: none); empty: none any more."""

    model_config = ConfigDict(str_strip_whitespace=True)

    kind: NameKind
    id: str = Field(min_length=1, max_length=200)
    base: int = Field(ge=0)
    name: str = Field(max_length=80, pattern=NAME)


def add_routes(routes: APIRouter, context: Context) -> None:
    """List the names and what has none, read the history of one, and give one."""
    caller = Annotated[Actor, Depends(Caller(context.token))]

    @routes.get("/names")
    def names() -> dict[str, Any]:
        with context.engine.connect() as connection:
            found = given_names.list_names(connection)
        return {"items": found}

    @routes.get("/names/unnamed")
    def unnamed() -> dict[str, Any]:
        with context.engine.connect() as connection:
            found = given_names.list_unnamed(connection, UNNAMED_MAX + 1)
        items = found[:UNNAMED_MAX]
        return {"items": items, "more": len(found) > UNNAMED_MAX}

    @routes.get("/names/history")
    def history(
        kind: NameKind, name_id: Annotated[str, Query(alias="id", max_length=200)]
    ) -> dict[str, Any]:
        with context.engine.connect() as connection:
            found = given_names.list_history(connection, kind, name_id)
        return {"items": found}

    @routes.post("/names")
    def give(order: NameOrder, actor: caller) -> dict[str, Any]:
        with context.engine.begin() as connection:
            given = given_names.insert_name(
                connection, order.kind, order.id, order.base, order.name, actor.person
            )
            newest = given_names.list_history(connection, order.kind, order.id)[:1]
        if not given:
            raise Problem(
                409,
                "name.changed",
                "Somebody has given another name meanwhile; nothing was changed.",
                "Look at the newer name, then give yours again.",
            )
        return newest[0]
