"""Messages as ingest publishes them: a batch, its rows and its approved payments."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4, uuid5

from sqlalchemy import Engine

from libs.common.contracts.approved_payments import digest_batch
from libs.common.contracts.events.batches import BatchChanged, Counts, Source
from libs.common.contracts.events.payments import PaidRow, PaymentApproved
from libs.common.contracts.events.rows import RowRead
from libs.common.contracts.statuses import BatchStatus
from libs.common.crypto.field_encryption import BlindIndex, FieldCipher
from libs.common.testing.approved_payments import digest_of_messages
from libs.common.testing.call_keys import gateway_verifier, signed_approval
from services.dispatcher import consumers
from services.dispatcher.preparation.approval_proof import ApprovalProof

CIPHER = FieldCipher.parse("k1:" + base64.b64encode(bytes(range(32))).decode())
INDEX = BlindIndex(bytes(32))
AT = datetime(2026, 11, 20, tzinfo=UTC)
PERIOD = "2026-11-20"
CONTENTS = "sha256:contents"
INSTITUTION = "ins_116944"
ACCOUNTS = (("403911437", "40909581"), ("547414133", "93785544"))
ROWS_PER_PERSON = 5
FIRST_CENTS = 100  # of the first payment; each further one is a cent more


@dataclass(frozen=True)
class BatchOfPayments:
    """A batch of `count` payments of one row each, five rows a person, two source accounts.

    The same `tag` means the same loans.
    """

    batch_id: UUID
    count: int
    tag: str = "a"
    institution: str = INSTITUTION
    zip_code: str = "50613"
    ein: str = "32120240"
    approved_at: datetime = AT
    merchant_id: str = ""  # as it was approved
    sources: Sequence[Source] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", [self.source(i) for i in range(len(ACCOUNTS))])

    def source(self, number: int) -> Source:
        routing, account = ACCOUNTS[number]
        source_id = f"CORP-{number}"
        return Source(
            source_account_id=source_id,
            payor_name="Dunkin",
            dba="Dunkin",
            ein=self.ein,
            aba_routing=routing,
            account_last4=account[-4:],
            account=CIPHER.encrypt(account, "account", f"{self.batch_id}/{source_id}"),
            account_index=INDEX.digest("account", routing, account),
            address={
                "line1": "999 Hayes",
                "city": "Kerlukemouth",
                "state": "IA",
                "zip": self.zip_code,
            },
        )

    def row_id(self, number: int) -> UUID:
        return uuid5(self.batch_id, str(number + 1))

    def payment_id(self, number: int) -> UUID:
        return uuid5(self.batch_id, f"payment-{number + 1}")

    def common(self, number: int) -> dict[str, Any]:
        """What a row and its payment have in common."""
        loan = self.loan(number)
        return {
            "occurred_at": AT,
            "batch_id": self.batch_id,
            "payment_id": self.payment_id(number),
            "employee_id": f"EMP-{number // ROWS_PER_PERSON}",
            "source_account_id": self.sources[number % 2].source_account_id,
            "institution_id": self.institution,
            "loan_last4": loan[-4:],
            "loan_index": INDEX.digest("loan", self.institution, loan),
            "person_index": INDEX.digest("person", *self.person(number)),
            "amount_cents": FIRST_CENTS + number,
        }

    def loan(self, number: int) -> str:
        return f"{self.tag}{number:07d}"

    def person(self, number: int) -> tuple[str, str, str, str]:
        """First name, last name, birth date, phone."""
        return "Ida", "Li", "1990-01-02", f"+1512312{number // ROWS_PER_PERSON:04d}"

    def row(self, number: int) -> RowRead:
        row_id = self.row_id(number)
        names = ("first_name", "last_name", "dob", "phone")
        personal = dict(zip(names, self.person(number), strict=True))
        values = {**personal, "loan": self.loan(number)}
        sealed = {name: CIPHER.encrypt(value, name, str(row_id)) for name, value in values.items()}
        return RowRead(
            event_id=uuid5(row_id, "read"),
            row_id=row_id,
            root_row_id=row_id,
            revision=1,
            file_row=number + 1,
            status="payable",
            branch_id="BRC-1",
            amount_text="$1.00",
            **self.common(number),
            **sealed,
        )

    @cached_property
    def digest(self) -> str:
        """The digest that people approved."""
        payments = [self.unapproved(number) for number in range(self.count)]
        return digest_of(self.sources, payments)

    def payment(self, number: int) -> PaymentApproved:
        return self.unapproved(number).model_copy(update={"digest": self.digest})

    def unapproved(self, number: int) -> PaymentApproved:
        row_id, source = self.row_id(number), self.sources[number % 2]
        paid = PaidRow(
            row_id=row_id,
            root_row_id=row_id,
            file_row=number + 1,
            branch_id="BRC-1",
            amount_cents=FIRST_CENTS + number,
        )
        return PaymentApproved(
            event_id=uuid5(self.payment_id(number), "approved"),
            merchant_id=self.merchant_id,
            digest="",
            period=PERIOD,
            rows=(paid,),
            account_index=source.account_index,
            source_routing=source.aba_routing,
            source_last4=source.account_last4,
            approved_by="someone",
            approved_at=self.approved_at,
            **self.common(number),
        )

    def rows(self) -> list[RowRead]:
        return [self.row(number) for number in range(self.count)]

    def payments(self) -> list[PaymentApproved]:
        return [self.payment(number) for number in range(self.count)]

    def changed(self, status: BatchStatus, version: int) -> BatchChanged:
        is_approved = status == "approved"
        cents = sum(FIRST_CENTS + number for number in range(self.count))
        return BatchChanged(
            event_id=uuid5(self.batch_id, f"v{version}"),
            occurred_at=AT,
            batch_id=self.batch_id,
            version=version,
            status=status,
            revision=1,
            digest=self.digest,
            contents_digest=CONTENTS,
            family_id=self.batch_id,
            period=PERIOD,
            uploaded_by="p",
            uploaded_at=AT,
            approved_by="someone" if is_approved else None,
            approved_at=self.approved_at if is_approved else None,
            approval=(
                signed_approval(self.batch_id, self.digest, self.approved_at)
                if is_approved
                else None
            ),
            barred=("p",),
            rows=Counts(total=self.count, payable=self.count),
            sources=tuple(self.sources),
            institutions=(self.institution,),
            row_messages=self.count,
            payments=self.count if is_approved else 0,
            payments_cents=cents if is_approved else 0,
        )


def approvals() -> ApprovalProof:
    """Verifies what the gateway of the tests signs, as a process that has just begun."""
    return ApprovalProof(gateway_verifier())


def digest_of(sources: Sequence[Source], payments: Sequence[PaymentApproved]) -> str:
    """The digest of a batch with these payments, as ingest computes it."""
    return digest_batch(CONTENTS, digest_of_messages(payments[0].batch_id, sources, payments))


def announce_batch(
    engine: Engine,
    batch_id: UUID,
    count: int,
    status: BatchStatus = "approved",
    version: int = 3,
    **more: Any,
) -> BatchOfPayments:
    """Let the consumers store a batch, its rows and, once it is approved, its payments."""
    made = BatchOfPayments(batch_id, count, **more)
    with engine.begin() as connection:
        consumers.batches(connection, [made.changed(status, version)])
        consumers.rows(connection, made.rows())
        if status == "approved":
            consumers.payments(connection, made.payments())
    return made


def change_batch(engine: Engine, batch_id: UUID, **given: Any) -> None:
    """Let the consumers store a further message of ingest about a batch."""
    event = BatchChanged(
        event_id=uuid4(),
        occurred_at=AT,
        batch_id=batch_id,
        family_id=batch_id,
        uploaded_by="p",
        uploaded_at=AT,
        **{"version": 1, "revision": 1, "period": PERIOD, **given},
    )
    with engine.begin() as connection:
        consumers.batches(connection, [event])
