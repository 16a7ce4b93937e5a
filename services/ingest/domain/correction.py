"""Corrections of payors' addresses: which are offered, and which are accepted."""

from dataclasses import dataclass
from typing import Final

from services.ingest.domain.errors import RequestError
from services.ingest.roster import field_parsers
from services.ingest.roster.us_geography import STATE_BY_ZIP_PREFIX, zip_is_in

CORRECTABLE: Final = {
    "line1": field_parsers.name,
    "city": field_parsers.name,
    "state": field_parsers.state,
    "zip": field_parsers.zip_code,
}
#: Warnings about a state or a zip. They are deleted when a correction makes the two agree.
ADDRESS_WARNINGS: Final = ("W_ZIP_STATE", "W_ZIP_UNKNOWN", "W_STATE_CASE")


@dataclass(frozen=True)
class Correction:
    """One field of one payor's address, as it is and as it should be."""

    source_account_id: str
    field: str
    from_value: str
    to_value: str


def offer_correction(source_account_id: str, state: str, zip_code: str) -> Correction | None:
    """The correction to offer for an address whose zip is not in its state: the zip's state."""
    correct_state = STATE_BY_ZIP_PREFIX.get(zip_code[:3])
    if not state or correct_state is None or zip_is_in(zip_code, state):
        return None
    return Correction(source_account_id, "state", state, correct_state)


def is_consistent(state: str, zip_code: str) -> bool:
    """Whether the zip lies in the state."""
    return zip_is_in(zip_code, state)


def check_correction(correction: Correction) -> Correction:
    """The correction with its new value in the form that is stored.

    Raises:
        RequestError: the field cannot be corrected, or the new value is not valid.
    """
    parse = CORRECTABLE.get(correction.field)
    if parse is None:
        raise RequestError(
            "invalid",
            "correction.field",
            f"Only {', '.join(CORRECTABLE)} of a payor's address can be corrected here.",
            "For anything else, discard the batch and upload a corrected roster.",
        )
    parsed = parse(correction.to_value)
    if parsed.value is None:
        raise RequestError(
            "invalid",
            "correction.value",
            f"The new {correction.field} is not valid.",
            "Enter another value.",
            code_of_value=parsed.codes[0],
        )
    return Correction(
        correction.source_account_id, correction.field, correction.from_value, parsed.value
    )
