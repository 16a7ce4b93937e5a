"""The life of payments in the state: creating them, moving them, and what follows from a move.

Pure: the time is a parameter. The rules are in `domain`.
"""

from simulator import domain
from simulator.account_status import disable_account, disable_entity
from simulator.business_days import settlement_dates
from simulator.models import Account, Json, Payment, Reversal
from simulator.state import ProviderState


def create_payment(
    state: ProviderState,
    body: Json,
    source: Account,
    destination: Account,
    key: str | None,
    now_ms: int,
) -> Payment:
    """Add a pending payment with its plan. The body must have been validated."""
    metadata = body.get("metadata")
    outcome = state.outcomes.choose(
        metadata
        if metadata is not None
        else [source.id, destination.id, body["amount"], len(state.payments.items)]
    )
    seq, payment_id = state.new_id(state.payments)
    source_date, destination_date = settlement_dates(now_ms // 3_600_000)
    payment = Payment(
        seq=seq,
        id=payment_id,
        created_ms=now_ms,
        updated_ms=now_ms,
        metadata=metadata,
        source=source.id,
        destination=destination.id,
        source_holder=source.holder_id,
        destination_holder=destination.holder_id,
        amount=body["amount"],
        description=body["description"],
        fee=body.get("fee"),
        idempotency_key=key,
        source_date=source_date,
        destination_date=destination_date,
        plan=domain.plan(outcome, state.profile, now_ms),
        outcome_code=outcome.error_code,
        effects=outcome.effects,
    )
    state.put(state.payments, payment)
    state.schedule(payment)
    return payment


def step(state: ProviderState, payment_id: str, now_ms: int) -> None:
    """Carry out the next step of a payment's plan if it is due; else change nothing."""
    payment = state.payments.by_id[payment_id]
    if not payment.plan or payment.plan[0][0] > now_ms:
        return
    status = payment.plan.pop(0)[1]
    code = payment.outcome_code if status in domain.NEEDS_CODE or status == "canceled" else None
    move(state, payment, status, code, now_ms)
    if payment.effects and code is not None:
        apply_effects(state, payment, code, now_ms)
    state.schedule(payment)


def move(
    state: ProviderState, payment: Payment, status: str, code: int | None, now_ms: int
) -> None:
    """Bring a payment into a status, with its side statuses, traces, error and reversal."""
    before: Json = {
        "status": payment.status,
        "source_status": payment.source_status,
        "destination_status": payment.destination_status,
    }
    payment.status, payment.cached_json = status, None
    payment.source_status, payment.destination_status, payment.fund_status = domain.side_statuses(
        status, code
    )
    if status == "sent":
        payment.traced = True
    if code is not None:
        payment.error = domain.payment_error(code)
    if status in {"reversal_required", "reversal_processing"}:
        _reverse(state, payment, status, now_ms)
    elif status in {"settled", "reversed"}:
        _set_reversal(state, payment, "sent", now_ms)
    state.touch(state.payments, payment, now_ms, before)


def _reverse(state: ProviderState, payment: Payment, status: str, now_ms: int) -> None:
    wanted = "pending_approval" if status == "reversal_required" else "processing"
    if payment.reversal_id is not None:
        _set_reversal(state, payment, wanted, now_ms)
        return
    # A creditor keeps its money, and the source is debited again. A bank account is debited itself.
    is_loan = state.accounts.by_id[payment.destination].type == "liability"
    seq, reversal_id = state.new_id(state.reversals)
    payment.reversal_id = reversal_id
    state.put(
        state.reversals,
        Reversal(
            seq=seq,
            id=reversal_id,
            created_ms=now_ms,
            updated_ms=now_ms,
            pmt_id=payment.id,
            direction="debit",
            target_account=payment.source if is_loan else payment.destination,
            description=payment.description,
            amount=payment.amount,
            status=wanted,
        ),
    )


def _set_reversal(state: ProviderState, payment: Payment, status: str, now_ms: int) -> None:
    if payment.reversal_id is not None:
        reversal = state.reversals.by_id[payment.reversal_id]
        before, reversal.status = {"status": reversal.status}, status
        state.touch(state.reversals, reversal, now_ms, before)


def approve_reversal(state: ProviderState, payment: Payment, now_ms: int) -> None:
    """Start a required reversal. It ends after the delay of the profile."""
    is_loan = state.accounts.by_id[payment.destination].type == "liability"
    move(state, payment, "reversal_processing", None, now_ms)
    end = "settled" if is_loan else "reversed"
    payment.plan = [(domain.reversal_due(state.profile, now_ms), end)]
    state.schedule(payment)


def apply_effects(state: ProviderState, payment: Payment, code: int, now_ms: int) -> None:
    """Apply what a failure does to the account and the holder that caused it."""
    if code in domain.UNAUTHORIZED:
        account = _side(state, payment, domain.UNAUTHORIZED[code])
        disable_account(state, account, "ACCOUNT_UNAUTHORIZED_PAYMENT", now_ms)
        holder = state.entities.by_id[account.holder_id]
        disable_entity(state, holder, "ENTITY_UNAUTHORIZED_PAYMENT", now_ms)
    elif code in domain.INVALID:
        account = _side(state, payment, domain.INVALID[code])
        disable_account(state, account, "ACCOUNT_INVALID_DETAILS", now_ms)
    elif code == domain.INSUFFICIENT_FUNDS:
        source = _side(state, payment, "source")
        source.nsf_count += 1
        state.touch(state.accounts, source, now_ms, {}, quiet=True)
        if source.nsf_count >= state.policy.nsf_limit:
            disable_account(state, source, "ACCOUNT_INVALID_DETAILS", now_ms)


def _side(state: ProviderState, payment: Payment, side: str) -> Account:
    return state.accounts.by_id[payment.source if side == "source" else payment.destination]
