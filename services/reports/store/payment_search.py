"""Payments by an id that people have at hand, and what became of payments that are named."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.reports.store.payment_queries import FIRST_ROW

#: A beginning of an id that is shorter finds too much.
PREFIX_MIN: Final = 6

_COLUMNS: Final = """
    p.payment_id, p.batch_id, p.status, p.amount_cents, p.employee_id, p.institution_id,
    p.loan_last4, p.source_account_id, p.provider_payment_id, p.reason_code, p.reason,
    p.return_under_way, p.approved_at, p.completed_at"""


def find_payments(connection: Connection, given: str, limit: int) -> Sequence[Any]:
    """Find approved payments, newest first; of many with one beginning, those lowest by id.

    Found are payments whose id or provider's id begins with the text (six characters or more),
    whose trace id at the bank is the text, or whose loan ends with it (four characters).
    """
    text = given.lower()
    values = {"prefix": f"{_escaped(text)}%", "limit": limit}
    # What to find, and in which order: each by an index that has this order, so that a beginning
    # which many ids share ends after a few of them. One OR of all might use no index.
    searches: list[tuple[str, str]] = []
    if len(text) == 4:
        searches.append(("p.loan_last4 = :given", "p.approved_at DESC"))
        values["given"] = given
    if len(text) >= PREFIX_MIN:
        searches += [
            (f"p.{column} <> '' AND lower(p.{column}) LIKE :prefix", f"lower(p.{column}) USING ~<~")
            for column in ("provider_payment_id", "source_trace_id", "destination_trace_id")
        ]
        if (ids := _uuid_range(text)) is not None:
            searches.append(("p.payment_id BETWEEN :lowest AND :highest", "p.payment_id"))
            values |= {"lowest": str(ids[0]), "highest": str(ids[1])}
    if not searches:
        return []
    one_by_one = " UNION ".join(
        f"""(
            SELECT p.payment_id
            FROM payment p
            WHERE {condition} AND p.approved_at IS NOT NULL
            ORDER BY {order}
            LIMIT :limit)"""  # noqa: S608 - our own text
        for condition, order in searches
    )
    used = {name: value for name, value in values.items() if f":{name}" in one_by_one}
    found: Sequence[Any] = run(
        connection,
        f"""
        SELECT {_COLUMNS}
        FROM ({one_by_one}) f
        JOIN payment p USING (payment_id)
        ORDER BY p.approved_at DESC, p.payment_id
        LIMIT :limit""",  # noqa: S608 - our own text
        **used,
    ).all()
    return found


def list_payments_named(connection: Connection, payment_ids: Sequence[UUID]) -> Sequence[Any]:
    """List those of the payments that are approved here, in no order."""
    found: Sequence[Any] = run(
        connection,
        f"""
        SELECT {_COLUMNS}
        FROM payment p
        WHERE p.payment_id = ANY(CAST(:ids AS uuid[])) AND p.approved_at IS NOT NULL""",  # noqa: S608 - our own text
        ids=[str(one) for one in payment_ids],
    ).all()
    return found


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _uuid_range(text: str) -> tuple[UUID, UUID] | None:
    """The lowest and the highest UUID that begins with the text; None if none does."""
    digits = text.replace("-", "")
    if len(digits) > 32 or not set(digits) <= set("0123456789abcdef"):
        return None
    lowest, highest = UUID(f"{digits:0<32}"), UUID(f"{digits:f<32}")
    is_written_so = "-" not in text or str(lowest).startswith(text)
    return (lowest, highest) if is_written_so else None


def list_names(connection: Connection, payment_ids: Sequence[UUID]) -> Sequence[Any]:
    """List the encrypted names of the first row of each of these payments, with its `row_id`."""
    found: Sequence[Any] = run(
        connection,
        f"""
        SELECT p.payment_id, n.row_id, n.first_name, n.last_name
        FROM payment p {FIRST_ROW}
        WHERE p.payment_id = ANY(CAST(:ids AS uuid[]))""",  # noqa: S608 - our own text
        ids=[str(one) for one in payment_ids],
    ).all()
    return found
