"""Accounts and merchants. Pure: a state and a request in, an answer out."""

from simulator import serializers, validation
from simulator.account_status import disable_account
from simulator.domain import make_id
from simulator.merchants import BY_ID, MERCHANTS, POPULAR, with_plaid
from simulator.messages import Answer, Refusal, Request, not_found, success
from simulator.models import Account, Json, Session
from simulator.paging import LIMIT_MAX, number, page
from simulator.state import ProviderState, account_details


def find(state: ProviderState, account_id: str) -> Account:
    """The account, or NOT_FOUND."""
    account = state.accounts.by_id.get(account_id)
    if account is None:
        raise not_found("The account")
    return account


def create(state: ProviderState, request: Request) -> Answer:
    """POST /accounts: a bank account (`ach`) or a loan (`liability`)."""
    body = request.json()
    holder = body.get("holder_id")
    if not isinstance(holder, str) or holder not in state.entities.by_id:
        raise Refusal("INVALID_HOLDER_ID", "The holder does not exist.")
    if (body.get("ach") is None) == (body.get("liability") is None):
        raise Refusal("INVALID_ACCOUNT_DETAILS", "Either ach or liability is required.")
    seq, account_id = state.new_id(state.accounts)
    account = Account(
        seq=seq,
        id=account_id,
        created_ms=request.now_ms,
        updated_ms=request.now_ms,
        metadata=validation.metadata(body, "ACCOUNT"),
        holder_id=holder,
        type="ach" if body.get("ach") is not None else "liability",
        number="",
    )
    if account.type == "ach":
        account.routing, account.number, account.ach_type = validation.ach(body["ach"])
    else:
        account.mch_id, account.number = _loan(body["liability"])
    same = state.accounts.where("details", account_details(account))
    if any(a.status == "disabled" for a in same):
        raise Refusal(
            "EXISTING_ACCOUNT_DISABLED", "An account with these details exists and is disabled."
        )
    if same and state.policy.return_existing_accounts:
        return success(serializers.account(same[0], request.version))
    session = _session(state, account, "auto_verify", request.now_ms)
    account.session_id = session.id
    state.put(state.accounts, account)
    state.put(state.sessions, session)
    return success(serializers.account(account, request.version))


def _loan(given: object) -> tuple[str, str]:
    if not isinstance(given, dict):
        raise Refusal("INVALID_ACCOUNT_DETAILS", "liability must be an object.")
    merchant = given.get("mch_id")
    if not isinstance(merchant, str) or merchant not in BY_ID:
        raise Refusal("INVALID_MERCHANT_ID", "The merchant does not exist.")
    return merchant, validation.liability_number(given)


def _session(state: ProviderState, account: Account, kind: str, now_ms: int) -> Session:
    seq = state.sessions.next_seq()
    session_id = make_id("avf_", state.salt, seq)
    return Session(
        seq=seq,
        id=session_id,
        created_ms=now_ms,
        updated_ms=now_ms,
        owner_id=account.id,
        type=kind,
        method=kind,
        detail={},
    )


def retrieve(state: ProviderState, request: Request) -> Answer:
    """GET /accounts/{id}."""
    return success(serializers.account(find(state, request.ids[0]), request.version))


def listing(state: ProviderState, request: Request) -> Answer:
    """GET /accounts.

    Filters: holder_id, holder_ids, type, status, consent_status, liability.mch_id, liability.type
    and dates.
    """
    holders = request.query.get("holder_id", []) + request.query.get("holder_ids", [])
    kind, status = request.one("type"), request.one("status")
    merchant, merchant_type = request.one("liability.mch_id"), request.one("liability.type")
    consent_status = request.one("consent_status")
    if len(holders) == 1:
        items = state.accounts.where("holder", holders[0])
        holders = []
    else:
        items = state.accounts.items

    def matches(a: Account) -> bool:
        return (
            (not holders or a.holder_id in holders)
            and (kind is None or a.type == kind)
            and (status is None or a.status == status)
            and (merchant is None or a.mch_id == merchant)
            and (consent_status is None or a.consent == consent_status)
            and (
                merchant_type is None
                or (
                    a.mch_id is not None and BY_ID[a.mch_id].type == merchant_type.removesuffix("s")
                )
            )
        )

    filtered = bool(holders or kind or status or merchant or merchant_type or consent_status)
    found, headers = page(request, state.accounts, items, matches if filtered else None)
    return success([serializers.account(a, request.version) for a in found], headers)


def update(state: ProviderState, request: Request) -> Answer:
    """PUT /accounts/{id}: the metadata."""
    account, body = find(state, request.ids[0]), request.json()
    if "metadata" in body:
        before: Json = {"metadata": account.metadata}
        account.metadata = validation.metadata(body, "ACCOUNT")
        state.touch(state.accounts, account, request.now_ms, before)
    return success(serializers.account(account, request.version))


def consent(state: ProviderState, request: Request) -> Answer:
    """POST /accounts/{id}/consent: withdraw or grant."""
    account, kind = find(state, request.ids[0]), request.json().get("type")
    if kind not in ("withdraw", "grant"):
        raise Refusal("INVALID_REQUEST", "type must be withdraw or grant.")
    wanted = "withdrawn" if kind == "withdraw" else "granted"
    if account.consent == wanted:
        raise Refusal(
            f"ACCOUNT_CONSENT_ALREADY_{wanted.upper()}",
            f"The account's consent is {wanted} already.",
        )
    if kind == "withdraw":
        if state.has_open_payments("account", account.id):
            raise Refusal(
                "ACCOUNT_HAS_PAYMENT_IN_PROGRESS", "The account has a payment in progress."
            )
        account.consent = wanted
        disable_account(state, account, "ACCOUNT_DISABLED_CONSENT_WITHDRAWN", request.now_ms)
    else:
        before: Json = {"status": account.status}
        account.consent, account.status, account.error = wanted, "active", None
        state.touch(state.accounts, account, request.now_ms, before)
    return success(serializers.account(account, request.version))


def verify(state: ProviderState, request: Request) -> Answer:
    """POST /accounts/{id}/verification_sessions; verified at once."""
    account, kind = find(state, request.ids[0]), request.json().get("type")
    if not isinstance(kind, str) or not kind:
        raise Refusal("INVALID_REQUEST", "type is required.")
    session = _session(state, account, kind, request.now_ms)
    state.put(state.sessions, session)
    account.session_id = session.id
    state.touch(state.accounts, account, request.now_ms, {}, quiet=True)
    return success(serializers.session(session))


def merchants(_state: ProviderState, request: Request) -> Answer:
    """GET /merchants. Without a filter: the popular ones. An unknown institution has none."""
    plaid = request.one("provider_id.plaid")
    other = request.one("provider_id.mx") or request.one("provider_id.finicity")
    name = request.one("name") or request.one("creditor_name")
    kind = request.one("type")
    if plaid and other:
        raise Refusal("INVALID_SEARCH_PARAMETERS", "Only one provider_id can be searched for.")
    if plaid:
        found = with_plaid(plaid)
    elif other:
        found = []
    else:
        found = list(MERCHANTS if name or kind else POPULAR)
    if kind:
        found = [m for m in found if m.type == kind.removesuffix("s")]
    if name:
        found = [m for m in found if name.casefold() in m.name.casefold()]
    limit = number(request, "page_limit", LIMIT_MAX, LIMIT_MAX)
    first = (number(request, "page", 1, 10**6) - 1) * limit
    return success([serializers.merchant(m, request.version) for m in found[first : first + limit]])


def merchant(_state: ProviderState, request: Request) -> Answer:
    """GET /merchants/{id}."""
    found = BY_ID.get(request.ids[0])
    if found is None:
        raise not_found("The merchant")
    return success(serializers.merchant(found, request.version))
