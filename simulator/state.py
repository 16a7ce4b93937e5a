"""Everything the provider knows, in memory, and how it changes. Pure: the time comes in, changed records are noted for the books."""

from dataclasses import dataclass
from typing import Any

from simulator import domain
from simulator.business_days import settlement_dates
from simulator.models import (
    Account,
    Entity,
    Event,
    Json,
    Payment,
    Record,
    Report,
    Reversal,
    Session,
    Shelf,
    Webhook,
)
from simulator.outcomes import Outcomes

PERSON_NEEDS = ("first_name", "last_name", "phone")
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


@dataclass(frozen=True, slots=True)
class Policy:
    """The switches of what the provider's documents leave open."""

    zip_check: bool = True
    reject_duplicate_entities: bool = False
    return_existing_accounts: bool = False
    nsf_limit: int = 3


class World:
    """The provider's state. `dirty` and `events` hold what the books have not written yet; who writes them empties them."""

    def __init__(self, salt: str, profile: str = "demo", policy: Policy | None = None) -> None:
        self.salt, self.profile, self.policy = salt, profile, policy or Policy()
        self.outcomes = Outcomes()
        self.entities: Shelf[Entity] = Shelf("entity", "ent_", Entity, {})
        self.accounts: Shelf[Account] = Shelf(
            "account",
            "acc_",
            Account,
            {
                "holder": lambda a: [a.holder_id],
                "details": lambda a: [account_details(a)],
            },
        )
        self.sessions: Shelf[Session] = Shelf(
            "session", "", Session, {"owner": lambda s: [s.owner_id]}
        )
        self.payments: Shelf[Payment] = Shelf(
            "payment",
            "pmt_",
            Payment,
            {
                "source": lambda p: [p.source],
                "destination": lambda p: [p.destination],
                "account": lambda p: [p.source, p.destination],
                "source_holder": lambda p: [p.source_holder],
                "destination_holder": lambda p: [p.destination_holder],
                "holder": lambda p: list({p.source_holder, p.destination_holder}),
            },
        )
        self.reversals: Shelf[Reversal] = Shelf(
            "reversal", "rvs_", Reversal, {"payment": lambda r: [r.pmt_id]}
        )
        self.webhooks: Shelf[Webhook] = Shelf(
            "webhook", "whk_", Webhook, {"type": lambda w: [w.type]}
        )
        self.reports: Shelf[Report] = Shelf("report", "rpt_", Report, {})
        self.dirty: dict[str, tuple[str, Record]] = {}
        self.events: list[Event] = []
        self.event_count = 0
        self.due: list[
            tuple[int, str]
        ] = []  # (ms, payment id) of plans made since it was last emptied

    def shelves(self) -> tuple[Shelf[Any], ...]:
        """All shelves; Any because each holds another kind."""
        return (
            self.entities,
            self.accounts,
            self.sessions,
            self.payments,
            self.reversals,
            self.webhooks,
            self.reports,
        )

    def new_id(self, shelf: Shelf[Any], prefix: str | None = None) -> tuple[int, str]:
        """(seq, id) of the next record of a shelf."""
        seq = shelf.next_seq()
        return seq, domain.make_id(prefix or shelf.prefix, self.salt, seq)

    def put(self, shelf: Shelf[Any], record: Record) -> None:
        """Add a new record and announce it."""
        shelf.add(record)
        self.dirty[record.id] = (shelf.kind, record)
        self.announce(shelf.kind, "create", record, {})

    def touch(
        self, shelf: Shelf[Any], record: Record, now_ms: int, before: Json, *, quiet: bool = False
    ) -> None:
        """Note that a record changed; `before` has the old values of what changed."""
        record.updated_ms = now_ms
        self.dirty[record.id] = (shelf.kind, record)
        if not quiet:
            self.announce(shelf.kind, "update", record, before)

    def announce(self, kind: str, op: str, record: Record, before: Json) -> None:
        """Make the event of a change, for the kinds that have events."""
        if kind in {"session", "webhook", "report"}:
            return
        name = {"reversal": "payment_reversal"}.get(kind, kind)
        after = {key: getattr(record, key) for key in before}
        self.event_count += 1
        self.events.append(
            Event(
                seq=self.event_count,
                id=domain.make_id("evt_", self.salt, self.event_count),
                type=f"{name}.{op}",
                resource_id=record.id,
                related_ids=related(record),
                diff={"before": before, "after": after},
                created_ms=record.updated_ms,
                updated_ms=record.updated_ms,
            )
        )

    # Payments

    def create_payment(
        self, body: Json, source: Account, destination: Account, key: str | None, now_ms: int
    ) -> Payment:
        """A new pending payment with its plan; the body has been checked."""
        metadata = body.get("metadata")
        told = (
            metadata
            if metadata is not None
            else [source.id, destination.id, body["amount"], len(self.payments.items)]
        )
        outcome = self.outcomes.choose(told)
        seq, payment_id = self.new_id(self.payments)
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
            plan=domain.plan(outcome, self.profile, now_ms),
            outcome_code=outcome.error_code,
            effects=outcome.effects,
        )
        self.put(self.payments, payment)
        self.schedule(payment)
        return payment

    def schedule(self, payment: Payment) -> None:
        """Have the next step of a payment's plan carried out when it is due."""
        if payment.plan:
            self.due.append((payment.plan[0][0], payment.id))

    def step(self, payment_id: str, now_ms: int) -> None:
        """Carry out the next step of a payment's plan if it is due; a payment without one stays as it is."""
        payment = self.payments.by_id[payment_id]
        if not payment.plan or payment.plan[0][0] > now_ms:
            return
        status = payment.plan.pop(0)[1]
        code = payment.outcome_code if status in domain.NEEDS_CODE or status == "canceled" else None
        self.move(payment, status, code, now_ms)
        if payment.effects and code is not None:
            self.knock_on(payment, code, now_ms)
        self.schedule(payment)

    def move(self, payment: Payment, status: str, code: int | None, now_ms: int) -> None:
        """Bring a payment into a status, with its sides, traces, error and reversal."""
        before: Json = {
            "status": payment.status,
            "source_status": payment.source_status,
            "destination_status": payment.destination_status,
        }
        payment.status, payment.shown = status, None
        payment.source_status, payment.destination_status, payment.fund_status = domain.sides(
            status, code
        )
        if status == "sent":
            payment.traced = True
        if code is not None:
            payment.error = domain.payment_error(code)
        if status in {"reversal_required", "reversal_processing"}:
            self._reverse(payment, status, now_ms)
        elif status in {"settled", "reversed"}:
            self._set_reversal(payment, "sent", now_ms)
        self.touch(self.payments, payment, now_ms, before)

    def _reverse(self, payment: Payment, status: str, now_ms: int) -> None:
        wanted = "pending_approval" if status == "reversal_required" else "processing"
        if payment.reversal_id is not None:
            self._set_reversal(payment, wanted, now_ms)
            return
        # A creditor keeps its money, the source is debited again; a bank account is debited itself.
        loan = self.accounts.by_id[payment.destination].type == "liability"
        seq, reversal_id = self.new_id(self.reversals)
        payment.reversal_id = reversal_id
        self.put(
            self.reversals,
            Reversal(
                seq=seq,
                id=reversal_id,
                created_ms=now_ms,
                updated_ms=now_ms,
                pmt_id=payment.id,
                direction="debit",
                target_account=payment.source if loan else payment.destination,
                description=payment.description,
                amount=payment.amount,
                status=wanted,
            ),
        )

    def _set_reversal(self, payment: Payment, status: str, now_ms: int) -> None:
        if payment.reversal_id is not None:
            reversal = self.reversals.by_id[payment.reversal_id]
            before, reversal.status = {"status": reversal.status}, status
            self.touch(self.reversals, reversal, now_ms, before)

    def approve_reversal(self, payment: Payment, now_ms: int) -> None:
        """The team lets a required reversal run; it is through after the profile's delay."""
        end = (
            "settled"
            if self.accounts.by_id[payment.destination].type == "liability"
            else "reversed"
        )
        self.move(payment, "reversal_processing", None, now_ms)
        payment.plan = [(domain.reversal_due(self.profile, now_ms), end)]
        self.schedule(payment)

    def knock_on(self, payment: Payment, code: int, now_ms: int) -> None:
        """What a failure does to the account and the holder it is about."""
        if code in domain.UNAUTHORIZED:
            account = self._side(payment, domain.UNAUTHORIZED[code])
            self.disable_account(account, "ACCOUNT_UNAUTHORIZED_PAYMENT", now_ms)
            self.disable_entity(
                self.entities.by_id[account.holder_id], "ENTITY_UNAUTHORIZED_PAYMENT", now_ms
            )
        elif code in domain.INVALID:
            self.disable_account(
                self._side(payment, domain.INVALID[code]), "ACCOUNT_INVALID_DETAILS", now_ms
            )
        elif code == 10001:
            source = self._side(payment, "source")
            source.nsf_count += 1
            self.touch(self.accounts, source, now_ms, {}, quiet=True)
            if source.nsf_count >= self.policy.nsf_limit:
                self.disable_account(source, "ACCOUNT_INVALID_DETAILS", now_ms)

    def _side(self, payment: Payment, side: str) -> Account:
        return self.accounts.by_id[payment.source if side == "source" else payment.destination]

    # Accounts and entities

    def disable_account(self, account: Account, sub_type: str, now_ms: int) -> None:
        """Disable an account with a reason; a second call changes nothing."""
        if account.status != "disabled":
            code, message = ACCOUNT_ERRORS[sub_type]
            before: Json = {"status": account.status}
            account.status, account.error = (
                "disabled",
                {
                    "type": "ACCOUNT_DISABLED",
                    "code": code,
                    "sub_type": sub_type,
                    "message": message,
                },
            )
            self.touch(self.accounts, account, now_ms, before)

    def disable_entity(self, entity: Entity, sub_type: str, now_ms: int) -> None:
        """Disable an entity with a reason; a second call changes nothing."""
        if entity.status != "disabled":
            code, message = ENTITY_ERRORS[sub_type]
            before: Json = {"status": entity.status}
            entity.status, entity.error = (
                "disabled",
                {"type": "ENTITY_DISABLED", "code": code, "sub_type": sub_type, "message": message},
            )
            self.touch(self.entities, entity, now_ms, before)

    def entity_status(self, entity: Entity) -> str:
        """`active` or `incomplete`, by what is known of the entity; under `current` people must have been verified as well."""
        if entity.corporation is not None:
            known = all(entity.corporation.get(f) for f in ("name", "ein")) and all(
                entity.address.get(f) for f in ("line1", "city", "state", "zip")
            )
            return "active" if known else "incomplete"
        person = entity.individual or {}
        known = all(person.get(f) for f in PERSON_NEEDS)
        verified = self.profile != "current" or (entity.phone_verified and entity.identity_verified)
        return "active" if known and verified else "incomplete"

    def has_open_payments(self, name: str, key: str) -> bool:
        """Whether a payment of an account or a holder is still under way."""
        return any(p.status in domain.OPEN for p in self.payments.where(name, key))


def related(record: Record) -> list[str]:
    """The ids an event names beside its own resource."""
    if isinstance(record, Payment):
        return [record.destination_holder, record.source, record.destination]
    if isinstance(record, Account):
        return [record.holder_id]
    if isinstance(record, Reversal):
        return [record.pmt_id, record.target_account]
    return []


def account_details(account: Account) -> tuple[str | None, ...]:
    """What makes two accounts the same: bank and number, or holder, merchant and number."""
    if account.type == "ach":
        return (account.routing, account.number)
    return (account.holder_id, account.mch_id, account.number)


def entity_details(entity: Entity) -> tuple[str | None, ...]:
    """What makes two entities the same when duplicates are refused."""
    if entity.corporation is not None:
        return ("corporation", entity.corporation.get("ein"), entity.corporation.get("name"))
    person = entity.individual or {}
    return ("individual", person.get("phone"), person.get("first_name"), person.get("last_name"))
