"""The statuses of accounts and entities: when an entity is complete, and why one is disabled.

Pure: the time is a parameter.
"""

from simulator.models import Account, Entity, Json
from simulator.state import ProviderState

PERSON_NEEDS = ("first_name", "last_name", "phone")
CORPORATION_NEEDS = ("name", "ein")
ADDRESS_NEEDS = ("line1", "city", "state", "zip")
ACCOUNT_ERRORS = {
    "ACCOUNT_INVALID_DETAILS": (11001, "The account's details are invalid."),
    "ACCOUNT_UNAUTHORIZED_PAYMENT": (
        11003,
        "A payment of this account was reported as unauthorized.",
    ),
    "ACCOUNT_DISABLED_CONSENT_WITHDRAWN": (11004, "The account's consent was withdrawn."),
}
ENTITY_ERRORS = {
    "ENTITY_UNAUTHORIZED_PAYMENT": (
        12001,
        "A payment of this entity was reported as unauthorized.",
    ),
    "ENTITY_CONSENT_WITHDRAWN": (12005, "The entity's consent was withdrawn."),
}


def disable_account(state: ProviderState, account: Account, sub_type: str, now_ms: int) -> None:
    """Disable an account for a reason. A second call changes nothing."""
    if account.status == "disabled":
        return
    before: Json = {"status": account.status}
    account.status = "disabled"
    account.error = _error("ACCOUNT_DISABLED", sub_type, *ACCOUNT_ERRORS[sub_type])
    state.touch(state.accounts, account, now_ms, before)


def disable_entity(state: ProviderState, entity: Entity, sub_type: str, now_ms: int) -> None:
    """Disable an entity for a reason. A second call changes nothing."""
    if entity.status == "disabled":
        return
    before: Json = {"status": entity.status}
    entity.status = "disabled"
    entity.error = _error("ENTITY_DISABLED", sub_type, *ENTITY_ERRORS[sub_type])
    state.touch(state.entities, entity, now_ms, before)


def _error(kind: str, sub_type: str, code: int, message: str) -> Json:
    return {"type": kind, "code": code, "sub_type": sub_type, "message": message}


def entity_status(state: ProviderState, entity: Entity) -> str:
    """`active` if everything needed of an entity is known, else `incomplete`.

    Under the profile `current`, phone and identity of a person must be verified as well.
    """
    if entity.corporation is not None:
        known = all(entity.corporation.get(field) for field in CORPORATION_NEEDS) and all(
            entity.address.get(field) for field in ADDRESS_NEEDS
        )
        return "active" if known else "incomplete"
    person = entity.individual or {}
    known = all(person.get(field) for field in PERSON_NEEDS)
    verified = state.profile != "current" or (entity.phone_verified and entity.identity_verified)
    return "active" if known and verified else "incomplete"
