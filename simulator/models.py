"""The provider's records, and the tables that hold them in the order of their creation."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Record:
    """What all records have. `seq` counts from 1 within a table; times are ms since 1970."""

    seq: int
    id: str
    created_ms: int
    updated_ms: int
    metadata: Json | None = None
    error: Json | None = None


@dataclass(slots=True, kw_only=True)
class Entity(Record):
    """A person (`individual`) or a company (`corporation`); the other field is None."""

    type: str
    individual: Json | None
    corporation: Json | None
    address: Json
    status: str
    phone_verified: bool = False
    identity_verified: bool = False
    consent: str = "granted"


@dataclass(slots=True, kw_only=True)
class Account(Record):
    """A bank account (`ach`) or a loan (`liability`), with its full number."""

    holder_id: str
    type: str
    number: str
    routing: str | None = None
    ach_type: str | None = None
    mch_id: str | None = None
    status: str = "active"
    nsf_count: int = 0
    session_id: str | None = None
    consent: str = "granted"


@dataclass(slots=True, kw_only=True)
class Session(Record):
    """A verification of the entity or account `owner_id`."""

    owner_id: str
    type: str
    method: str
    detail: Json
    status: str = "verified"


@dataclass(slots=True, kw_only=True)
class Payment(Record):
    """A payment.

    `plan` has its future steps, [(due ms, status), …]. `outcome_code` is the error that it will
    have when it fails. `cached_json` is (version, JSON) until the payment changes.
    """

    source: str
    destination: str
    source_holder: str
    destination_holder: str
    amount: int
    description: str
    fee: Json | None
    idempotency_key: str | None
    source_date: str
    destination_date: str
    status: str = "pending"
    source_status: str = "pending"
    destination_status: str = "pending"
    fund_status: str = "pending"
    reversal_id: str | None = None
    traced: bool = False
    plan: list[tuple[int, str]] = field(default_factory=list)
    outcome_code: int | None = None
    effects: bool = False
    cached_json: tuple[str, bytes] | None = field(
        default=None, repr=False, metadata={"stored": False}
    )


@dataclass(slots=True, kw_only=True)
class Reversal(Record):
    """The second debit of a payment whose source failed after the creditor was paid."""

    pmt_id: str
    target_account: str
    direction: str
    description: str
    amount: int
    status: str


@dataclass(slots=True, kw_only=True)
class Webhook(Record):
    """A webhook subscription; `failures` counts the events that failed in a row.

    A deleted one stays in its table, so its id is not used again.
    """

    type: str
    url: str
    auth_token: str | None
    hmac_secret: str | None
    expand_event: bool
    version: str
    status: str = "active"
    failures: int = 0


@dataclass(slots=True, kw_only=True)
class Report(Record):
    """A report that was requested. Its lines are made when it is downloaded."""

    type: str


@dataclass(slots=True, kw_only=True)
class Event(Record):
    """A change of a record. Events are in the storage only, not in memory."""

    type: str
    resource_id: str
    related_ids: list[str]
    diff: Json


R = TypeVar("R", bound=Record)


def stored_fields(record_class: type[Record]) -> tuple[str, ...]:
    """The names of a record's fields that are stored."""
    return tuple(f.name for f in fields(record_class) if f.metadata.get("stored", True))


class RecordTable(Generic[R]):
    """Records of one kind, oldest first, found by id or by an index. None is ever removed."""

    def __init__(
        self,
        kind: str,
        prefix: str,
        record_class: type[R],
        keys: Mapping[str, Callable[[R], Sequence[Hashable]]],
    ) -> None:
        self.kind, self.prefix, self.record_class = kind, prefix, record_class
        self.items: list[R] = []
        self.by_id: dict[str, R] = {}
        self._keys = keys
        self._index: dict[str, dict[Hashable, list[R]]] = {name: {} for name in keys}

    def add(self, record: R) -> None:
        """Add a record at the end. Its indexed fields must not change afterwards."""
        self.items.append(record)
        self.by_id[record.id] = record
        for name, keys_of in self._keys.items():
            index = self._index[name]
            for key in keys_of(record):
                if key in index:
                    index[key].append(record)
                else:
                    index[key] = [record]

    def where(self, name: str, key: Hashable) -> list[R]:
        """The records of a key in an index, oldest first. The list must not be changed."""
        return self._index[name].get(key, [])

    def next_seq(self) -> int:
        """The number of the next record."""
        return len(self.items) + 1


def between(items: list[R], from_ms: int | None, to_ms: int | None) -> tuple[int, int]:
    """[start, end) of the records that were created in a range, both of its ends inclusive.

    `items` is oldest first.
    """
    start = 0 if from_ms is None else bisect_left(items, from_ms, key=lambda r: r.created_ms)
    end = len(items) if to_ms is None else bisect_right(items, to_ms, key=lambda r: r.created_ms)
    return start, max(start, end)
