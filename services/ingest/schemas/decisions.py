"""Requests and answers about decisions and holds."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from services.ingest.decisions import Decided, Effect
from services.ingest.domain.decision import Mend, Redirect, Selection, Wanted
from services.ingest.domain.hold import Hold, HoldKind
from services.ingest.encryption import FieldEncryption
from services.ingest.holds import Affected, HoldTarget
from services.ingest.schemas.answers import Answer
from services.ingest.schemas.requests import Body

MERCHANT = r"^(mch_[0-9A-Za-z]{1,64})?$"
Record = Any  # one row of a SELECT, read by attribute


class RowFilterBody(Body):
    """Filters of rows, as the list of rows has them; `q` is searched for."""

    status: str = ""
    source: str = ""
    branch: str = ""
    institution: str = ""
    reason_code: str = ""
    q: str = Field(default="", max_length=200)


class DecisionBody(Body):
    """A decision about rows: one or several by id, those of a person, or those a filter finds.

    To mend names no rows: an institution and its merchant, or a source and its EIN. To redirect
    names one row, and the institution and the number of the loan that is paid instead.
    """

    act: Literal["exclude", "include", "accept", "mend", "redirect"]
    row_id: UUID | None = None
    row_ids: list[UUID] = Field(default=[], max_length=100_000)
    employee_id: str = Field(default="", max_length=256)
    filter: RowFilterBody | None = None
    reason: str = Field(min_length=1, max_length=500)
    evidence: str = Field(default="", max_length=500)
    institution_id: str = Field(default="", max_length=256)
    merchant_id: str = Field(default="", max_length=100, pattern=MERCHANT)
    source_account_id: str = Field(default="", max_length=256)
    ein: str = Field(default="", max_length=20)
    loan_number: str = Field(default="", max_length=256)

    def wanted(self) -> Wanted | None:
        """The decision; None unless exactly one way to name rows is used, or what is missing."""
        row_ids = tuple(self.row_ids) or ((self.row_id,) if self.row_id else ())
        named = dict(self.filter.model_dump() if self.filter else {})
        search = str(named.pop("q", "")).strip()
        filters = tuple((name, value) for name, value in named.items() if value)
        ways = [self.row_id, self.row_ids, self.employee_id.strip(), filters or search]
        if sum(map(bool, ways)) != (self.act != "mend"):
            return None
        mend = self._mend() if self.act == "mend" else None
        redirect = self._redirect(row_ids) if self.act == "redirect" else None
        if not self._names_values_of_act(mend, redirect):
            return None
        selection = Selection(row_ids, self.employee_id.strip(), filters, search)
        return Wanted(
            self.act, selection, self.reason.strip(), self.evidence.strip(), mend, redirect
        )

    def _names_values_of_act(self, mend: Mend | None, redirect: Redirect | None) -> bool:
        """Whether the values that the act needs are there, and no others."""
        if self.act in ("mend", "redirect"):
            return bool(mend or redirect)
        return not (
            self.institution_id
            or self.merchant_id
            or self.source_account_id
            or self.ein
            or self.loan_number
        )

    def _redirect(self, row_ids: tuple[UUID, ...]) -> Redirect | None:
        """The loan that is paid instead; None unless one row is named, and both its parts."""
        others = self.merchant_id or self.source_account_id or self.ein
        if len(row_ids) != 1 or others or not (self.institution_id and self.loan_number):
            return None
        return Redirect(self.institution_id, self.loan_number)

    def _mend(self) -> Mend | None:
        """What is missing; None unless it is a merchant with its institution, or an EIN."""
        mend = Mend(self.institution_id, self.merchant_id, self.source_account_id, self.ein)
        of_merchant, of_source = (
            (mend.institution_id, mend.merchant_id),
            (
                mend.source_account_id,
                mend.ein,
            ),
        )
        if self.loan_number:
            return None
        is_one = any(of_merchant) != any(of_source)
        return mend if is_one and (all(of_merchant) or all(of_source)) else None


class DecisionsBody(Body):
    """Decisions that are made together; `digest` is that of the batch as it was seen."""

    decisions: list[DecisionBody] = Field(min_length=1, max_length=1_000)
    digest: str = Field(default="", max_length=100)
    dry_run: bool = False


class HoldBody(Body):
    """A hold on what a row has (`row_id`), or on a person, branch, source or loan by its id.

    A loan is named by `id` (its number) and `institution_id`.
    """

    kind: HoldKind
    row_id: UUID | None = None
    id: str = Field(default="", max_length=256)
    institution_id: str = Field(default="", max_length=256)
    first_day: date | None = None
    last_day: date | None = None
    reason: str = Field(min_length=1, max_length=500)
    evidence: str = Field(default="", max_length=500)
    dry_run: bool = False

    def target(self) -> HoldTarget:
        """What is to be held."""
        return HoldTarget(self.kind, self.row_id, self.id, self.institution_id)


def decided_answer(done: Decided, *, dry_run: bool) -> Answer:
    """Decisions with what they change, and what the batch pays before and after them."""
    rows = done.before[0] + sum(one.rows for one in done.effects)
    cents = done.before[1] + sum(one.amount_cents for one in done.effects)
    return {
        "batch_id": done.batch.batch_id,
        "status": done.batch.status,
        "revision": done.batch.revision,
        "dry_run": dry_run,
        "decisions": [_effect(one) for one in done.effects],
        "payable_before": {"rows": done.before[0], "amount_cents": done.before[1]},
        "payable_after": {"rows": rows, "amount_cents": cents},
    }


def _effect(effect: Effect) -> Answer:
    decision = effect.decision
    return {
        "decision_id": decision.decision_id,
        "act": decision.act,
        "target": decision.target,
        "change": decision.change,
        "rows": decision.rows,
        "amount_cents": decision.amount_cents,
        "payable_rows_change": effect.rows,
        "payable_cents_change": effect.amount_cents,
    }


def decisions_answer(
    decisions: Sequence[Record], people: Sequence[Record], encryption: FieldEncryption
) -> Answer:
    """All decisions about a batch, each with people of its first rows."""
    named: dict[UUID, list[Answer]] = defaultdict(list)
    for one in people:
        named[one.decision_id].append(_person(one, encryption))
    names = (
        *("decision_id", "act", "target", "change", "reason", "evidence", "seen_digest"),
        *("rows", "amount_cents", "at_approval", "decided_by", "decided_at"),
        *("withdrawn_by", "withdrawn_at"),
    )
    items = [
        {name: getattr(one, name) for name in names} | {"people": named[one.decision_id]}
        for one in decisions
    ]
    return {"items": items, "next": None, "total": len(items)}


def hold_item(hold: Hold) -> Answer:
    """A hold as people see it."""
    return {
        "hold_id": hold.hold_id,
        "kind": hold.kind,
        "shown": hold.shown,
        "held_id": hold.key if hold.kind in ("branch", "source") else "",
        "first_day": hold.first_day,
        "last_day": hold.last_day,
        "reason": hold.reason,
        "evidence": hold.evidence,
        "set_by": hold.set_by,
        "set_at": hold.set_at,
        "lifted_by": hold.lifted_by,
        "lifted_at": hold.lifted_at,
        "lift_reason": hold.lift_reason,
    }


def hold_items(
    holds: Sequence[Hold], people: Sequence[Record], encryption: FieldEncryption
) -> list[Answer]:
    """Holds with who is held, as in the newest row of each of these people."""
    named = {one.person_key: _person(one, encryption) for one in people}
    return [
        hold_item(one) | {"person": named.get(one.key) if one.kind == "person" else None}
        for one in holds
    ]


def _person(row: Record, encryption: FieldEncryption) -> Answer:
    name = f"{row.first_name} {row.last_name}".strip()
    return {"person_id": encryption.person_id(row.person_key), "name": name}


def affected_answer(affected: Affected, *, dry_run: bool = False) -> Answer:
    """A hold with the batches that it touches: those checked again, and those approved before."""
    return {
        **hold_item(affected.hold),
        "dry_run": dry_run,
        "open_batches": [_batch(one) for one in affected.open],
        "approved_batches": [_batch(one) for one in affected.approved],
    }


def _batch(found: Record) -> Answer:
    names = ("batch_id", "filename", "status", "rows", "amount_cents", "held_rows")
    return {name: getattr(found, name) for name in names}
