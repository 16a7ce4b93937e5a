"""Entities and their verifications. Pure: a state and a request in, an answer out."""

from simulator import serializers, validation
from simulator.account_status import disable_entity, entity_status
from simulator.domain import make_id
from simulator.messages import FIRST, Answer, Refusal, Request, not_found, success
from simulator.models import Entity, Json, Session
from simulator.paging import page
from simulator.state import ProviderState, entity_details

METHODS = {"phone": ("byo_sms", "sms", "sna", "element"), "identity": ("kba", "byo_kyc", "element")}


def find(state: ProviderState, entity_id: str) -> Entity:
    """The entity, or NOT_FOUND."""
    entity = state.entities.by_id.get(entity_id)
    if entity is None:
        raise not_found("The entity")
    return entity


def show(state: ProviderState, entity: Entity, request: Request) -> Answer:
    """The entity in the request's version."""
    return success(
        serializers.entity(entity, state.sessions.where("owner", entity.id), request.version)
    )


def create(state: ProviderState, request: Request) -> Answer:
    """POST /entities."""
    body = request.json()
    kind = validation.entity_type(body, request.version)
    individual, corporation = None, None
    if kind == "individual":
        individual = validation.part(body, "individual", validation.PERSON)
        validation.person(individual)
    else:
        corporation = validation.part(body, "corporation", validation.COMPANY)
        corporation["owners"] = corporation["owners"] or []
        if not isinstance(corporation["owners"], list):
            raise Refusal("INVALID_REQUEST", "corporation.owners must be a list.")
        if request.version == FIRST and not (
            corporation["name"] and corporation["ein"] and body.get("address")
        ):
            raise Refusal(
                "INVALID_REQUEST", "corporation.name, corporation.ein and address are required."
            )
    address = validation.part(body, "address", validation.ADDRESS)
    validation.address(address, state)
    metadata = validation.metadata(body, "ENTITY")
    seq, entity_id = state.new_id(state.entities)
    entity = Entity(
        seq=seq,
        id=entity_id,
        created_ms=request.now_ms,
        updated_ms=request.now_ms,
        metadata=metadata,
        type=kind,
        individual=individual,
        corporation=corporation,
        address=address,
        status="incomplete",
    )
    entity.status = entity_status(state, entity)
    if state.policy.reject_duplicate_entities and any(
        entity_details(e) == entity_details(entity) for e in state.entities.items
    ):
        raise Refusal("DUPLICATE_ENTITY_DETAILS", "An entity with these details exists.")
    state.put(state.entities, entity)
    return show(state, entity, request)


def retrieve(state: ProviderState, request: Request) -> Answer:
    """GET /entities/{id}."""
    return show(state, find(state, request.ids[0]), request)


def listing(state: ProviderState, request: Request) -> Answer:
    """GET /entities; filters type, status, name and dates."""
    kind, status, name = request.one("type"), request.one("status"), request.one("name")

    def matches(e: Entity) -> bool:
        own = e.individual or e.corporation or {}
        full = own.get("name") or f"{own.get('first_name') or ''} {own.get('last_name') or ''}"
        return (
            (kind is None or e.type == kind)
            and (status is None or e.status == status)
            and (name is None or name.casefold() in full.casefold())
        )

    found, headers = page(
        request, state.entities, state.entities.items, matches if kind or status or name else None
    )
    return success(
        [
            serializers.entity(e, state.sessions.where("owner", e.id), request.version)
            for e in found
        ],
        headers,
    )


def update(state: ProviderState, request: Request) -> Answer:
    """PUT /entities/{id}: only fields that are null can be set; metadata is replaced."""
    entity, body = find(state, request.ids[0]), request.json()
    if entity.status == "disabled":
        raise Refusal("ENTITY_UPDATE_DISABLED", "A disabled entity cannot be updated.")
    own = "individual" if entity.individual is not None else "corporation"
    unknown = set(body) - {own, "address", "metadata"}
    if unknown:
        raise Refusal("ENTITY_UPDATE_UNSUPPORTED", f"{sorted(unknown)[0]} cannot be updated.")
    mine = entity.individual if entity.individual is not None else entity.corporation or {}
    changed = _fill(
        mine,
        validation.part(
            body, own, validation.PERSON if own == "individual" else validation.COMPANY
        ),
    )
    address = _fill(entity.address, validation.part(body, "address", validation.ADDRESS))
    if own == "individual":
        validation.person(changed)
    validation.address(address, state)
    metadata = validation.metadata(body, "ENTITY") if "metadata" in body else entity.metadata
    before: Json = {
        own: mine,
        "address": entity.address,
        "metadata": entity.metadata,
        "status": entity.status,
    }
    setattr(entity, own, changed)
    entity.address, entity.metadata = address, metadata
    entity.status = entity_status(state, entity)
    state.touch(state.entities, entity, request.now_ms, before)
    return show(state, entity, request)


def _fill(known: Json, given: Json) -> Json:
    for field, value in given.items():
        if value and known[field] and value != known[field]:
            raise Refusal("ENTITY_UPDATE_INVALID", f"{field} is set and cannot be changed.")
    return {
        field: value if value and not known[field] else known[field]
        for field, value in given.items()
    }


def consent(state: ProviderState, request: Request) -> Answer:
    """POST /entities/{id}/consent: withdraw or grant."""
    entity, kind = find(state, request.ids[0]), request.json().get("type")
    if kind not in ("withdraw", "grant"):
        raise Refusal("INVALID_REQUEST", "type must be withdraw or grant.")
    wanted = "withdrawn" if kind == "withdraw" else "granted"
    if entity.consent == wanted:
        raise Refusal(
            f"ENTITY_CONSENT_ALREADY_{wanted.upper()}", f"The entity's consent is {wanted} already."
        )
    if kind == "withdraw":
        if state.has_open_payments("holder", entity.id):
            raise Refusal("ENTITY_HAS_PAYMENTS_IN_PROGRESS", "The entity has payments in progress.")
        entity.consent = wanted
        disable_entity(state, entity, "ENTITY_CONSENT_WITHDRAWN", request.now_ms)
    else:
        before: Json = {"status": entity.status}
        entity.consent, entity.error = wanted, None
        entity.status = entity_status(state, entity)
        state.touch(state.entities, entity, request.now_ms, before)
    return show(state, entity, request)


def verify(state: ProviderState, request: Request) -> Answer:
    """POST /entities/{id}/verification_sessions.

    Verified at once, as in the provider's development environment.
    """
    entity, body = find(state, request.ids[0]), request.json()
    kind, method = body.get("type"), body.get("method")
    if kind not in METHODS or method not in METHODS[kind]:
        raise Refusal("INVALID_REQUEST", "type must be phone or identity, with one of its methods.")
    detail = body.get(method)
    if entity.individual is None or not (detail is None or isinstance(detail, dict)):
        raise Refusal(
            "INVALID_REQUEST", f"{method} must be an object, and the entity an individual."
        )
    seq = state.sessions.next_seq()
    session = Session(
        seq=seq,
        id=make_id("evf_", state.salt, seq),
        created_ms=request.now_ms,
        updated_ms=request.now_ms,
        owner_id=entity.id,
        type=kind,
        method=method,
        detail=detail or {},
    )
    state.put(state.sessions, session)
    before: Json = {"status": entity.status}
    if kind == "phone":
        entity.phone_verified = True
    else:
        entity.identity_verified = True
    if entity.status == "incomplete":
        entity.status = entity_status(state, entity)
    state.touch(state.entities, entity, request.now_ms, before)
    return success(serializers.session(session))


def sessions(state: ProviderState, request: Request) -> Answer:
    """GET /entities/{id}/verification_sessions and the same of accounts."""
    return success(
        [serializers.session(s) for s in reversed(state.sessions.where("owner", request.ids[0]))]
    )


def session(state: ProviderState, request: Request) -> Answer:
    """GET …/verification_sessions/{id}."""
    found = state.sessions.by_id.get(request.ids[1])
    if found is None or found.owner_id != request.ids[0]:
        raise not_found("The verification session")
    return success(serializers.session(found))
