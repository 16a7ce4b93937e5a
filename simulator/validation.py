"""Validation of requests: what the provider refuses, with which code. Pure.

Each function raises `Refusal`, or returns what it has read.
"""

import re
from datetime import date
from typing import Any

from simulator.messages import FIRST, Refusal, dump
from simulator.models import Account, Json
from simulator.state import ProviderState
from simulator.zip_codes import zip_in_state

METADATA_MAX_BYTES = 1024
AMOUNT_MIN, AMOUNT_MAX = 100, 100_000_000
DESCRIPTION_MAX = 10
# By shape only. The provider's own test numbers, +1 512 123 xxxx, are an exception.
PHONE = re.compile(r"\+1(?:[2-9]\d{2}[2-9]\d{6}|512123\d{4})", re.ASCII)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
OLD_CORPORATIONS = {"c_corporation", "s_corporation", "llc", "partnership", "sole_proprietorship"}
PERSON = ("first_name", "last_name", "phone", "email", "dob", "ssn", "ssn_4")
COMPANY = ("name", "dba", "ein", "owners")
ADDRESS = ("line1", "line2", "city", "state", "zip")


def metadata(body: Json, resource: str) -> Json | None:
    """The body's metadata: an object of less than 1 KB, or None."""
    value = body.get("metadata")
    if value is not None and not isinstance(value, dict):
        raise Refusal("INVALID_REQUEST", "metadata must be an object.")
    if value is not None and len(dump(value)) >= METADATA_MAX_BYTES:
        raise Refusal(
            f"MAX_{resource}_METADATA_SIZE_EXCEEDED", "metadata must be smaller than 1 KB."
        )
    return value


def part(body: Json, name: str, known: tuple[str, ...]) -> Json:
    """A sub-object of the body with all known fields; those not given are None."""
    value = body.get(name)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise Refusal("INVALID_REQUEST", f"{name} must be an object.")
    unknown = set(value) - set(known)
    if unknown:
        raise Refusal("INVALID_REQUEST", f"{name} has an unknown field {sorted(unknown)[0]}.")
    for field, given in value.items():
        if field != "owners" and given is not None and not isinstance(given, str):
            raise Refusal("INVALID_REQUEST", f"{name}.{field} must be a string.")
    return {field: value.get(field) for field in known}


def person(individual: Json) -> None:
    """Check phone, e-mail, birth date and social security number of an individual."""
    if individual["phone"] is not None and not PHONE.fullmatch(individual["phone"]):
        raise Refusal(
            "INVALID_ENTITY_PHONE_NUMBER", "The phone number is not a valid US phone number."
        )
    if individual["email"] is not None and not EMAIL.fullmatch(individual["email"]):
        raise Refusal("INVALID_ENTITY_EMAIL_ADDRESS", "The email address is invalid.")
    if individual["dob"] is not None and not is_date(individual["dob"]):
        raise Refusal("INVALID_REQUEST", "dob must be a real date, YYYY-MM-DD.")
    for field, length, sub_type in (
        ("ssn", 9, "ENTITY_INVALID_SSN"),
        ("ssn_4", 4, "ENTITY_INVALID_SSN4"),
    ):
        if individual[field] is not None and not digits(individual[field], length, length):
            raise Refusal(sub_type, f"{field} must be {length} digits.")
    if individual["ssn"] is not None and individual["ssn_4"] is not None:
        raise Refusal("INVALID_REQUEST", "ssn and ssn_4 cannot both be given.")


def address(given: Json, state: ProviderState) -> None:
    """Check that a zip code is in its state."""
    in_state, zip_code = given["state"], given["zip"]
    if in_state is not None and not re.fullmatch("[A-Za-z]{2}", in_state):
        raise Refusal("INVALID_REQUEST", "address.state must be two letters.")
    if zip_code is not None and not re.fullmatch(r"\d{5}(-\d{4})?", zip_code):
        raise Refusal("INVALID_REQUEST", "address.zip must be a zip code.")
    if (
        state.policy.zip_check
        and in_state is not None
        and zip_code is not None
        and not zip_in_state(zip_code, in_state)
    ):
        raise Refusal("INVALID_REQUEST", "address.zip does not belong to address.state.")


def entity_type(body: Json, version: str) -> str:
    """`individual` or a kind of corporation of this version. Its sub-object must be given."""
    kind = body.get("type")
    corporations = (
        OLD_CORPORATIONS
        if version == FIRST
        else {"corporation"} | (OLD_CORPORATIONS if version < "2025-12-01" else set())
    )
    if kind != "individual" and kind not in corporations:
        raise Refusal("INVALID_REQUEST", "type must be individual or corporation.")
    own = "individual" if kind == "individual" else "corporation"
    if not isinstance(body.get(own), dict):
        raise Refusal("INVALID_REQUEST", f"{own} is required.")
    return str(kind)


def ach(given: Any) -> tuple[str, str, str]:
    """(routing, number, checking or savings) of a bank account. Any: it comes from outside."""
    if not isinstance(given, dict):
        raise Refusal("INVALID_ACCOUNT_DETAILS", "ach must be an object.")
    routing, number, kind = given.get("routing"), given.get("number"), given.get("type")
    if not isinstance(routing, str) or not digits(routing, 9, 9):
        raise Refusal("INVALID_ACH_ACCOUNT_ROUTING", "The routing number must be 9 digits.")
    if not isinstance(number, str) or not digits(number, 1, 17):
        raise Refusal("INVALID_ACH_ACCOUNT_NUMBER", "The account number must be at most 17 digits.")
    if kind not in ("checking", "savings"):
        raise Refusal("INVALID_ACH_ACCOUNT_TYPE", "The account type must be checking or savings.")
    return routing, number, str(kind)


def liability_number(given: Json) -> str:
    """The loan number: `account_number` or `number`, exactly one of them."""
    numbers = [
        given[field] for field in ("account_number", "number") if given.get(field) is not None
    ]
    if (
        len(numbers) != 1
        or not isinstance(numbers[0], str)
        or not re.fullmatch(r"[0-9A-Za-z\- ]{1,40}", numbers[0])
    ):
        raise Refusal("INVALID_ACCOUNT_NUMBER", "The account number is invalid.")
    return numbers[0]


def payment(body: Json, state: ProviderState) -> tuple[Account, Account]:
    """(source, destination) of a valid payment."""
    amount, description = body.get("amount"), body.get("description")
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise Refusal("INVALID_AMOUNT_TYPE", "The amount must be an integer number of cents.")
    if not AMOUNT_MIN <= amount <= AMOUNT_MAX:
        raise Refusal(
            "INVALID_AMOUNT", f"The amount must be between {AMOUNT_MIN} and {AMOUNT_MAX} cents."
        )
    if not isinstance(description, str) or not 0 < len(description) <= DESCRIPTION_MAX:
        raise Refusal(
            "INVALID_ACH_DESCRIPTION",
            f"The description must have 1 to {DESCRIPTION_MAX} characters.",
        )
    metadata(body, "PAYMENT")
    _fee(body.get("fee"), amount)
    if body.get("source") == body.get("destination"):
        raise Refusal("INVALID_TRANSFER", "Source and destination cannot be the same account.")
    source = _side(body.get("source"), "SOURCE", state)
    if source.type == "liability":
        raise Refusal(
            "INVALID_SOURCE_LIABILITY", "A liability account cannot be the source of a payment."
        )
    return source, _side(body.get("destination"), "DESTINATION", state)


def _fee(fee: Any, amount: int) -> None:  # Any: it comes from outside
    fine = (
        isinstance(fee, dict)
        and fee.get("type") in ("total", "markup")
        and type(fee.get("amount")) is int
        and 0 <= fee["amount"] < amount
    )
    if fee is not None and not fine:
        raise Refusal("INVALID_REQUEST", "The fee is invalid.")


def _side(
    account_id: Any, side: str, state: ProviderState
) -> Account:  # Any: it comes from outside
    account = state.accounts.by_id.get(account_id) if isinstance(account_id, str) else None
    if account is None or account.status != "active":
        raise Refusal(
            f"INVALID_{side}", f"The {side.lower()} account does not exist or is not active."
        )
    if state.entities.by_id[account.holder_id].status != "active":
        raise Refusal(
            f"INVALID_{side}_HOLDER", f"The holder of the {side.lower()} account is not active."
        )
    return account


def digits(text: str, shortest: int, longest: int) -> bool:
    """Whether a text has only ASCII digits, as many as allowed."""
    return shortest <= len(text) <= longest and text.isascii() and text.isdigit()


def is_date(text: str) -> bool:
    """Whether a text is a real date, YYYY-MM-DD."""
    try:
        return (
            re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is not None
            and date.fromisoformat(text).year > 0
        )
    except ValueError:
        return False
