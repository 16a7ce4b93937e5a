"""Payments, their reversals, and simulated moves. Pure: a state and a request in, an answer out."""

from simulator import domain, lifecycle, serializers, validation
from simulator.messages import Answer, Refusal, Request, not_found, success, success_raw
from simulator.models import Payment, Reversal
from simulator.paging import page
from simulator.state import ProviderState

INDEXED = {
    "destination": "destination",
    "source": "source",
    "acc_id": "account",
    "destination_holder_id": "destination_holder",
    "source_holder_id": "source_holder",
    "holder_id": "holder",
}


def find(state: ProviderState, payment_id: str) -> Payment:
    """The payment, or NOT_FOUND."""
    payment = state.payments.by_id.get(payment_id)
    if payment is None:
        raise not_found("The payment")
    return payment


def create(state: ProviderState, request: Request) -> Answer:
    """POST /payments.

    The same source, destination and amount again is another payment: only an idempotency key
    prevents it.
    """
    body = request.json()
    source, destination = validation.payment(body, state)
    if body.get("dry_run") is True:
        return _dry_run(state, request)
    payment = lifecycle.create_payment(
        state, body, source, destination, request.key, request.now_ms
    )
    return success_raw(serializers.payment_json(payment, request.version))


def _dry_run(state: ProviderState, request: Request) -> Answer:
    """What a payment would look like. Nothing of it is stored."""
    copy = ProviderState("dry-run", state.profile, state.policy)
    copy.entities, copy.accounts = state.entities, state.accounts
    body = request.json()
    payment = lifecycle.create_payment(
        copy,
        body,
        state.accounts.by_id[body["source"]],
        state.accounts.by_id[body["destination"]],
        None,
        request.now_ms,
    )
    return success(serializers.payment(payment, request.version))


def retrieve(state: ProviderState, request: Request) -> Answer:
    """GET /payments/{id}. Only here `fund_status` is shown."""
    return success(serializers.payment(find(state, request.ids[0]), request.version, single=True))


def listing(state: ProviderState, request: Request) -> Answer:
    """GET /payments, newest first.

    Filters: status, type, source, destination, acc_id, reversal_id, the holders and dates.
    """
    chosen = {name: value for name in INDEXED if (value := request.one(name)) is not None}
    lists = sorted(
        (state.payments.where(INDEXED[name], value) for name, value in chosen.items()), key=len
    )
    items = lists[0] if lists else state.payments.items
    statuses, reversal_id, kind = (
        request.query.get("status"),
        request.one("reversal_id"),
        request.one("type"),
    )
    if statuses and set(statuses) - set(domain.STATUSES):
        raise Refusal("INVALID_SEARCH_PARAMETERS", "status is unknown.")

    def matches(p: Payment) -> bool:
        return (
            (not statuses or p.status in statuses)
            and (reversal_id is None or p.reversal_id == reversal_id)
            and kind in (None, "standard")
            and all(_has(p, name, value) for name, value in chosen.items())
        )

    filtered = len(chosen) > 1 or statuses or reversal_id or kind
    found, headers = page(request, state.payments, items, matches if filtered else None)
    return success_raw(
        b"[" + b",".join([serializers.payment_json(p, request.version) for p in found]) + b"]",
        headers,
    )


def _has(p: Payment, name: str, value: str) -> bool:
    if name == "acc_id":
        return value in (p.source, p.destination)
    if name == "holder_id":
        return value in (p.source_holder, p.destination_holder)
    return bool(getattr(p, INDEXED[name]) == value)


def cancel(state: ProviderState, request: Request) -> Answer:
    """DELETE /payments/{id}. Only a pending one can be canceled."""
    payment = find(state, request.ids[0])
    if payment.status != "pending":
        raise Refusal("INVALID_STATUS", f"A payment that is {payment.status} cannot be canceled.")
    payment.plan = []
    lifecycle.move(state, payment, "canceled", None, request.now_ms)
    return success(serializers.payment(payment, request.version))


def simulate(state: ProviderState, request: Request) -> Answer:
    """POST /simulate/payments/{id}: one move by hand. After it the payment has no plan."""
    payment, body = find(state, request.ids[0]), request.json()
    status, code = body.get("status"), body.get("error_code")
    if status not in domain.STATUSES:
        raise Refusal("INVALID_REQUEST", "status is unknown.")
    if status not in domain.MOVES.get(payment.status, frozenset()):
        raise Refusal(
            "INVALID_STATUS", f"A payment that is {payment.status} cannot become {status}."
        )
    if code is not None and (
        not str(code).isascii() or not str(code).isdigit() or int(code) not in domain.ERRORS
    ):
        raise Refusal("INVALID_REQUEST", "error_code is unknown.")
    if status in domain.NEEDS_CODE and code is None and payment.error is None:
        raise Refusal("INVALID_REQUEST", f"error_code is required for {status}.")
    payment.plan = []
    lifecycle.move(state, payment, status, None if code is None else int(code), request.now_ms)
    return success(serializers.payment(payment, request.version, single=True))


def reversals(state: ProviderState, request: Request) -> Answer:
    """GET /payments/{id}/reversals."""
    payment = find(state, request.ids[0])
    return success([serializers.reversal(r) for r in state.reversals.where("payment", payment.id)])


def _reversal(state: ProviderState, request: Request) -> Reversal:
    found = state.reversals.by_id.get(request.ids[1])
    if found is None or found.pmt_id != request.ids[0]:
        raise not_found("The reversal")
    return found


def reversal(state: ProviderState, request: Request) -> Answer:
    """GET /payments/{id}/reversals/{id}."""
    return success(serializers.reversal(_reversal(state, request)))


def approve_reversal(state: ProviderState, request: Request) -> Answer:
    """PUT /payments/{id}/reversals/{id} {status: pending}: approve it."""
    found, body = _reversal(state, request), request.json()
    if body.get("status") != "pending":
        raise Refusal("INVALID_REQUEST", "status must be pending.")
    if found.status != "pending_approval":
        raise Refusal("INVALID_STATUS", f"A reversal that is {found.status} cannot be approved.")
    description = body.get("description", found.description)
    if not isinstance(description, str) or len(description) > validation.DESCRIPTION_MAX:
        raise Refusal(
            "INVALID_ACH_DESCRIPTION",
            f"The description must have at most {validation.DESCRIPTION_MAX} characters.",
        )
    found.description = description
    lifecycle.approve_reversal(state, find(state, found.pmt_id), request.now_ms)
    return success(serializers.reversal(found))
