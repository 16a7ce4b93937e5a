"""What a person, corporation or account becomes by the status that the provider shows of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from services.dispatcher.store.provider_objects import ObjectChange

ENTITIES = ("corporation", "individual")


def change_by_status(row: Row[Any], data: Mapping[str, Any], reason: str = "") -> ObjectChange:
    """Return what an object becomes by the status that the provider shows of it."""
    change = ObjectChange(row.object_id, "pending", row.purpose, str(data["id"]), reason=reason)
    status = str(data.get("status", ""))
    if status == "incomplete" and row.kind == "individual":
        return replace(change, status="unprocessed", purpose="verify-phone")
    if status in ("disabled", "closed"):
        error = data.get("error") or {}
        return replace(
            change,
            status="inactive",
            reason_code=str(error.get("sub_type", "inactive")).lower(),
            reason=str(error.get("message") or "The provider has disabled it."),
        )
    return change
