"""Every message type there is, and how the bytes of a message become an event."""

from types import ModuleType
from typing import Final

from pydantic import ValidationError

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject
from libs.common.contracts.events import (
    approval_rules,
    batches,
    holds,
    ledger,
    payments,
    preparation,
    provider,
    rows,
)

#: In the order in which money flows. Importing a module registers its event classes; importing all
#: of them here means that `parse` knows every type.
MODULES: Final[tuple[ModuleType, ...]] = (
    batches,
    rows,
    payments,
    preparation,
    provider,
    ledger,
    holds,
    approval_rules,
)


class UnknownEvent(Reject):
    """The message has no known type and version, or its body does not fit its type.

    It becomes a dead letter, and a person looks at it.
    """

    code = "event.unknown"


def published_types() -> dict[str, type[Event]]:
    """The event classes of this project by their type on the wire."""
    modules = {module.__name__ for module in MODULES}
    return {name: kind for name, kind in Event.registry.items() if kind.__module__ in modules}


def parse(type_name: str | None, body: bytes) -> Event:
    """Read the event in a message.

    Raises:
        UnknownEvent: no such type, or the body does not fit it. The error does not repeat the
            body: it may hold personal data.
    """
    known = Event.registry.get(type_name or "")
    if known is None:
        raise UnknownEvent(f"no event type {type_name!r} is known here")
    try:
        return known.model_validate_json(body)
    except ValidationError as error:
        where = ", ".join(
            ".".join(str(part) for part in one["loc"])
            for one in error.errors(include_input=False, include_url=False)[:5]
        )
        raise UnknownEvent(f"{type_name} does not fit its schema at: {where}") from None
