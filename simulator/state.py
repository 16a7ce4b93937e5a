"""The provider's state in memory: its records, ids and events. Pure: the time is a parameter."""

from dataclasses import dataclass
from typing import Any

from simulator import domain
from simulator.models import (
    Account,
    Entity,
    Event,
    Json,
    Payment,
    Record,
    RecordTable,
    Report,
    Reversal,
    Session,
    Webhook,
)
from simulator.outcomes import Outcomes


@dataclass(frozen=True, slots=True)
class Policy:
    """What the provider's documents leave open, as switches."""

    zip_check: bool = True
    reject_duplicate_entities: bool = False
    return_existing_accounts: bool = False
    nsf_limit: int = 3


class ProviderState:
    """The provider's state.

    `dirty` has the records and `events` the events that are not written yet; the storage empties
    both. `due` has (ms, payment id) of the next step of each plan made since it was last emptied.
    """

    def __init__(self, salt: str, profile: str = "demo", policy: Policy | None = None) -> None:
        self.salt, self.profile, self.policy = salt, profile, policy or Policy()
        self.outcomes = Outcomes()
        self.entities: RecordTable[Entity] = RecordTable("entity", "ent_", Entity, {})
        self.accounts: RecordTable[Account] = RecordTable(
            "account",
            "acc_",
            Account,
            {
                "holder": lambda a: [a.holder_id],
                "details": lambda a: [account_details(a)],
            },
        )
        self.sessions: RecordTable[Session] = RecordTable(
            "session", "", Session, {"owner": lambda s: [s.owner_id]}
        )
        self.payments: RecordTable[Payment] = RecordTable(
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
        self.reversals: RecordTable[Reversal] = RecordTable(
            "reversal", "rvs_", Reversal, {"payment": lambda r: [r.pmt_id]}
        )
        self.webhooks: RecordTable[Webhook] = RecordTable(
            "webhook", "whk_", Webhook, {"type": lambda w: [w.type]}
        )
        self.reports: RecordTable[Report] = RecordTable("report", "rpt_", Report, {})
        self.dirty: dict[str, tuple[str, Record]] = {}
        self.events: list[Event] = []
        self.event_count = 0
        self.due: list[tuple[int, str]] = []

    def tables(self) -> tuple[RecordTable[Any], ...]:
        """All tables. Any: each holds another kind."""
        return (
            self.entities,
            self.accounts,
            self.sessions,
            self.payments,
            self.reversals,
            self.webhooks,
            self.reports,
        )

    def new_id(self, table: RecordTable[Any], prefix: str | None = None) -> tuple[int, str]:
        """(seq, id) of the next record of a table."""
        seq = table.next_seq()
        return seq, domain.make_id(prefix or table.prefix, self.salt, seq)

    def put(self, table: RecordTable[Any], record: Record) -> None:
        """Add a new record, with its event."""
        table.add(record)
        self.dirty[record.id] = (table.kind, record)
        self._add_event(table.kind, "create", record, {})

    def touch(
        self,
        table: RecordTable[Any],
        record: Record,
        now_ms: int,
        before: Json,
        *,
        quiet: bool = False,
    ) -> None:
        """Mark a record as changed; `before` has the old values. `quiet`: without an event."""
        record.updated_ms = now_ms
        self.dirty[record.id] = (table.kind, record)
        if not quiet:
            self._add_event(table.kind, "update", record, before)

    def _add_event(self, kind: str, op: str, record: Record, before: Json) -> None:
        """Add the event of a change, for the kinds that have events."""
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

    def schedule(self, payment: Payment) -> None:
        """Mark when the next step of a payment's plan is due."""
        if payment.plan:
            self.due.append((payment.plan[0][0], payment.id))

    def has_open_payments(self, name: str, key: str) -> bool:
        """Whether a payment has not been sent yet; `name` and `key` are of an index of payments."""
        return any(p.status in domain.OPEN for p in self.payments.where(name, key))


def related(record: Record) -> list[str]:
    """The ids in an event beside its own resource."""
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
