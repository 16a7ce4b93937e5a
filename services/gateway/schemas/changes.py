"""The shapes of a comparison with the roster before, beside those in `shapes`."""

from typing import Literal
from uuid import UUID

from services.gateway.schemas.batches import Listed, Shape

ChangeKind = Literal["new_person", "loan", "source", "amount", "branch", "gone_person"]


class ChangeSide(Shape):
    """What a person or a loan came to on one side of a comparison; what says nothing about this kind of change is empty."""

    amount: str
    amount_cents: int
    rows: int
    institution_id: str
    loan_last4: str
    sources: list[str]
    branch_ids: list[str]


class Change(Shape):
    """One thing that is other than in the roster before: None stands where there was, or is, nothing. `swing_cents` is by how much the money differs."""

    kind: ChangeKind
    employee_id: str
    first_name: str
    last_name: str
    before: ChangeSide | None
    after: ChangeSide | None
    swing_cents: int


class ChangeCounts(Shape):
    """One number per kind of change, of the whole batch."""

    new_person: int
    loan: int
    source: int
    amount: int
    branch: int
    gone_person: int


class Changes(Listed):
    """A page of changes, against the roster approved before; `against` is null where there is none to compare with."""

    items: list[Change]
    against: UUID | None
    counts: ChangeCounts
