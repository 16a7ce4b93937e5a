"""The digest of the payments of a batch, which is a part of the digest that people approve.

Ingest computes it from rows, the dispatcher from the payments that it has stored. Both come to the
same text only if the payments are the same ones.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

# One encoder for all lines: `json.dumps` makes one for each call.
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class PayingSource(NamedTuple):
    """A source account from which payments are made. The account number is keyed: no clear one."""

    source_account_id: str
    ein: str
    routing: str
    account_index: str


class ApprovedPayment(NamedTuple):
    """A payment: how much, from where, for whom, to which loan, and for which rows.

    `merchant_id` is the institution's at the provider, as checked before the approval. `rows` are
    pairs of row id and id of the row in the uploaded file, in any order. Ids are text.
    """

    payment_id: str
    amount_cents: int
    source_account_id: str
    account_index: str
    employee_id: str
    person_index: str
    institution_id: str
    merchant_id: str
    loan_index: str
    rows: tuple[tuple[str, str], ...]


def digest_payments(
    batch_id: UUID, sources: Iterable[PayingSource], payments: Iterable[ApprovedPayment]
) -> str:
    """`sha256:` and 64 hex digits, the same for any order of sources, payments and rows.

    Args:
        sources: others than those that these payments are made from are left out.
    """
    ordered = sorted(payments)
    used = {payment.source_account_id for payment in ordered}
    state = hashlib.sha256(f"{_ENCODE(['payments', 1, str(batch_id)])}\n".encode())
    for source in sorted(sources):
        if source.source_account_id in used:
            state.update(f"{_ENCODE(['source', *source])}\n".encode())
    for payment in ordered:
        line = ["payment", *payment[:-1], sorted(payment.rows)]
        state.update(f"{_ENCODE(line)}\n".encode())
    return f"sha256:{state.hexdigest()}"


def digest_batch(contents_digest: str, payments_digest: str) -> str:
    """The digest of a batch, from that of its contents and that of its payments."""
    line = _ENCODE(["batch", 1, contents_digest, payments_digest])
    return f"sha256:{hashlib.sha256(line.encode()).hexdigest()}"
