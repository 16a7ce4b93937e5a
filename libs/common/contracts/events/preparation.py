"""What the dispatcher reports about a batch: the check at the provider, the state of the run."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from libs.common.contracts import topics
from libs.common.contracts.envelope import Event, Value
from libs.common.contracts.topics import Topic


class Institution(Value):
    """The provider's answer about one institution. Without a merchant its rows cannot be paid."""

    institution_id: str
    merchant_id: str = ""
    reason: str = ""


class SourceProblem(Value):
    """Why the provider will not debit a source account (its corporation or its account was
    refused).
    """

    source_account_id: str
    code: str
    message: str


class RefusedPerson(Value):
    """Why the provider did not make a person, as they are written now: a mended one is another."""

    employee_id: str
    person_index: str
    code: str
    message: str


class RefusedLoan(Value):
    """Why the provider did not make an account for a loan of a person."""

    employee_id: str
    person_index: str
    loan_index: str
    code: str
    message: str


class PreflightDone(Event):
    """What the provider knows of a batch before approval; `checked` is false when it could not be
    asked.
    """

    topic: ClassVar[Topic] = topics.PREPARATION
    type: Literal["preflight-done.v1"] = "preflight-done.v1"
    batch_id: UUID
    revision: int
    checked: bool
    message: str = ""
    institutions: tuple[Institution, ...] = ()
    source_problems: tuple[SourceProblem, ...] = ()
    inactive_people: tuple[str, ...] = Field(
        default=(), description="employee ids whose holder the provider has disabled"
    )
    inactive_loans: tuple[str, ...] = Field(
        default=(), description="loan indexes whose account the provider has disabled or closed"
    )
    refused_people: tuple[RefusedPerson, ...] = Field(
        default=(), description="people whom the provider refused when they were last tried"
    )
    refused_loans: tuple[RefusedLoan, ...] = Field(
        default=(), description="loans that the provider refused when they were last tried"
    )


class StoppedSource(Value):
    """A source account that waits for a person, and why."""

    source_account_id: str
    reason_code: str
    reason: str


class DispatchChanged(Event):
    """What came of a command, or of the run itself: the dispatcher's state of a batch."""

    topic: ClassVar[Topic] = topics.PREPARATION
    type: Literal["dispatch-changed.v1"] = "dispatch-changed.v1"
    batch_id: UUID
    version: int = Field(ge=1)
    state: Literal["paying", "paused", "cancelled"]
    by: str = ""
    reason: str = ""
    stopped_sources: tuple[StoppedSource, ...] = ()
