"""The rows of a batch, with their personal fields encrypted."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from libs.common.contracts import topics
from libs.common.contracts.envelope import MAX_CENTS, Event
from libs.common.contracts.statuses import RowStatus
from libs.common.contracts.topics import Topic


class RowRead(Event):
    """A row of a batch with its outcome at a revision; a later revision of the same row replaces
    it.
    """

    topic: ClassVar[Topic] = topics.PARSED_ROWS
    type: Literal["row-read.v1"] = "row-read.v1"
    row_id: UUID
    root_row_id: UUID
    batch_id: UUID
    revision: int
    file_row: int = Field(ge=1)
    status: RowStatus
    reason_code: str = ""
    reason: str = ""
    payment_id: UUID | None = None
    employee_id: str = ""
    branch_id: str = ""
    source_account_id: str = ""
    source_last4: str = ""
    institution_id: str = ""
    merchant_id: str = ""
    loan_last4: str = ""
    loan_index: str = Field(default="", description="of (institution, loan number)")
    person_index: str = Field(
        default="", description="of (first name, last name, birth date, phone)"
    )
    amount_text: str = Field(default="", description="as written in the file")
    amount_cents: int = Field(ge=0, le=MAX_CENTS)
    redirect_of: int = Field(
        default=0, ge=0, description="file_row of the row whose place it takes; 0: a row of a file"
    )
    first_name: str = Field(default="", description="encrypted")
    last_name: str = Field(default="", description="encrypted")
    dob: str = Field(default="", description="encrypted, YYYY-MM-DD")
    phone: str = Field(default="", description="encrypted, +1 and ten digits")
    loan: str = Field(default="", description="encrypted")
