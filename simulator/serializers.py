"""Records as JSON, in the shapes of the first API version and of the later ones. Pure."""

from typing import Any

from simulator.clock import iso
from simulator.domain import trace_id
from simulator.merchants import BY_ID, Merchant
from simulator.messages import FIRST, dump
from simulator.models import (
    Account,
    Entity,
    Event,
    Json,
    Payment,
    Report,
    Reversal,
    Session,
    Webhook,
)

NO_PERSON = dict.fromkeys(("first_name", "last_name", "phone", "email", "dob", "ssn", "ssn_4"))
CONSENT_SINCE = "2025-12-01"


def times(record: Any) -> Json:
    """The two timestamps at the end of every resource. Any: every record has them."""
    return {"created_at": iso(record.created_ms), "updated_at": iso(record.updated_ms)}


def masked(individual: Json) -> Json:
    """A person as shown: of a social security number the last four digits only."""
    ssn = individual["ssn"]
    return {**individual, "ssn": ssn and f"*****{ssn[-4:]}"}


def entity(e: Entity, sessions: list[Session], version: str) -> Json:
    """An entity; `sessions` are its verifications, oldest first."""
    person = masked(e.individual) if e.individual is not None else None
    base: Json = {"id": e.id, "type": e.type}
    if version == FIRST:
        base |= {"individual": person, "corporation": e.corporation, "receive_only": None}
        able = ["payments:receive", "payments:send"] if e.status == "active" else []
        base |= {"capabilities": able, "available_capabilities": able, "pending_capabilities": []}
    else:
        base["type"] = (
            "individual"
            if person is not None
            else "corporation"
            if e.type == "corporation"
            else e.type
        )
        base |= {"individual": person} if person is not None else {"corporation": e.corporation}
        base |= _modern_entity(e, sessions)
    return {
        **base,
        "address": e.address,
        "status": e.status,
        "error": e.error,
        "metadata": e.metadata,
        **times(e),
    }


def _modern_entity(e: Entity, sessions: list[Session]) -> Json:
    named = e.individual is not None and all(
        e.individual.get(f) for f in ("first_name", "last_name", "phone")
    )
    active = e.status == "active"
    products = ["payment", "identity"] if active else ["identity"] if named else []
    shape: Json = {"products": products, "restricted_products": []}
    shape |= {"subscriptions": [], "available_subscriptions": [], "restricted_subscriptions": []}
    if e.individual is not None:
        latest = {s.type: s.id for s in sessions}
        shape["verification"] = {
            "identity": {
                "verified": e.identity_verified or active,
                "matched": named,
                "latest_verification_session": latest.get("identity"),
                "methods": [] if e.identity_verified or active else ["element", "kba"],
            },
            "phone": {
                "verified": e.phone_verified or active,
                "latest_verification_session": latest.get("phone"),
                "methods": []
                if e.phone_verified or active
                else ["element", "sna", "sms", "byo_sms"],
            },
        }
        shape |= {"connect": None, "credit_score": None, "attribute": None, "vehicle": None}
    return shape


def account(a: Account, version: str) -> Json:
    """An account; a loan shows the last four of its number only."""
    shape: Json = {"id": a.id, "holder_id": a.holder_id, "type": a.type}
    bank = {"routing": a.routing, "number": a.number, "type": a.ach_type}
    if version == FIRST:
        able = ["payments:receive", "payments:send"] if a.type == "ach" else ["payments:receive"]
        shape |= {
            "ach": bank if a.type == "ach" else None,
            "liability": _liability(a) if a.type == "liability" else None,
            "clearing": None,
        }
        shape |= {"capabilities": able if a.status == "active" else []}
        return {**shape, "status": a.status, "error": a.error, "metadata": a.metadata, **times(a)}
    shape |= {"ach": bank} if a.type == "ach" else {"liability": _liability(a)}
    shape["latest_verification_session"] = a.session_id
    if a.type == "liability":
        shape |= {
            "balance": None,
            "update": None,
            "attribute": None,
            "card_brand": None,
            "payoff": None,
        }
    shape |= {"products": ["payment"] if a.status == "active" else [], "restricted_products": []}
    shape |= {"subscriptions": [], "available_subscriptions": [], "restricted_subscriptions": []}
    if version >= CONSENT_SINCE:
        shape["consent_status"] = a.consent
    return {**shape, "status": a.status, "error": a.error, "metadata": a.metadata, **times(a)}


def _liability(a: Account) -> Json:
    merchant = BY_ID[a.mch_id or ""]
    return {
        "mch_id": a.mch_id,
        "mask": a.number[-4:],
        "ownership": "unknown",
        "fingerprint": None,
        "type": merchant.type,
        "sub_type": None,
        "name": merchant.name,
    }


def merchant(m: Merchant, version: str) -> Json:
    """A merchant; its id is `mch_id` in the first version."""
    providers: Json = {"plaid": list(m.plaid), "mx": [], "finicity": [], "dpp": []}
    logo = f"https://static.methodfi.com/mch_logos/{m.id}.png"
    if version == FIRST:
        return {
            "mch_id": m.id,
            "parent_name": m.name,
            "name": m.name,
            "logo": logo,
            "description": None,
            "note": None,
            "types": [m.type],
            "account_prefixes": [],
            "provider_ids": providers,
            "customized_auth": False,
            "is_temp": m.is_temp,
        }
    return {
        "id": m.id,
        "parent_name": m.name,
        "name": m.name,
        "logo": logo,
        "type": m.type,
        "provider_ids": providers,
        "is_temp": m.is_temp,
        "account_number_formats": list(m.formats),
    }


def payment(p: Payment, version: str, *, single: bool = False) -> Json:
    """A payment; only a single one shows its `fund_status`."""
    shape: Json = {
        "id": p.id,
        "source": p.source,
        "destination": p.destination,
        "amount": p.amount,
        "description": p.description,
        "status": p.status,
        "estimated_completion_date": p.destination_date,
        "source_trace_id": _trace(p, "source"),
        "source_settlement_date": p.source_date,
        "destination_trace_id": _trace(p, "destination"),
        "destination_settlement_date": p.destination_date,
        "reversal_id": p.reversal_id,
        "fee": p.fee,
        "error": p.error,
        "metadata": p.metadata,
        "created_at": iso(p.created_ms),
        "updated_at": iso(p.updated_ms),
    }
    if version != FIRST:
        shape["source_status"], shape["destination_status"] = p.source_status, p.destination_status
        shape["destination_payment_method"], shape["type"] = "electronic", "standard"
        if version >= CONSENT_SINCE:
            shape["payment_instrument"], shape["reversal_account"] = None, None
    if single:
        shape["fund_status"] = p.fund_status
    return shape


def payment_json(p: Payment, version: str) -> bytes:
    """A payment as JSON, cached until it changes: long lists are read again and again."""
    if p.cached_json is None or p.cached_json[0] != version:
        p.cached_json = (version, dump(payment(p, version)))
    return p.cached_json[1]


def _trace(p: Payment, side: str) -> str | None:
    return trace_id(p.id, side) if p.traced else None


def reversal(r: Reversal) -> Json:
    """A reversal."""
    return {
        "id": r.id,
        "pmt_id": r.pmt_id,
        "target_account": r.target_account,
        "trace_id": None,
        "direction": r.direction,
        "description": r.description,
        "amount": r.amount,
        "status": r.status,
        "error": r.error,
        **times(r),
    }


def session(s: Session) -> Json:
    """A verification session; the field named like its method has what was given."""
    owner = "entity_id" if s.id.startswith("evf_") else "account_id"
    return {
        "id": s.id,
        owner: s.owner_id,
        "type": s.type,
        "method": s.method,
        "status": s.status,
        "error": s.error,
        s.method: s.detail,
        **times(s),
    }


def webhook(w: Webhook, version: str) -> Json:
    """A subscription without its secrets, except `auth_token` in the first version."""
    shape: Json = {"id": w.id, "type": w.type, "url": w.url, "metadata": w.metadata}
    if version == FIRST:
        return {**shape, "auth_token": w.auth_token, **times(w)}
    return {
        **shape,
        "expand_event": w.expand_event,
        "status": w.status,
        "error": w.error,
        **times(w),
    }


def report(r: Report, host: str) -> Json:
    """A report. It is completed at once; its lines are at `url`."""
    return {
        "id": r.id,
        "type": r.type,
        "url": f"http://{host}/reports/{r.id}/download",
        "status": "completed",
        "metadata": r.metadata,
        **times(r),
    }


def event(e: Event, data: Json | None) -> Json:
    """An event; `data` is the resource as it is now."""
    return {
        "id": e.id,
        "type": e.type,
        "resource_id": e.resource_id,
        "resource_type": e.type.partition(".")[0],
        "related_ids": e.related_ids,
        "data": data,
        "diff": e.diff,
        **times(e),
    }
