"""The table `statement_line`: the payments of a batch as the provider lists them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.provider import StatementLine
from libs.common.database.engine import run
from services.ledger.handlers import Conflict

#: The given lines as rows, with the columns of `statement_line` in their order.
GIVEN_LINES = """
    SELECT *
    FROM unnest(
        CAST(:run_ids AS uuid[]), CAST(:lines AS int[]),
        CAST(:provider_payment_ids AS text[]), CAST(:stated_payment_ids AS text[]),
        CAST(:payment_ids AS uuid[]),
        CAST(:provider_statuses AS text[]), CAST(:amounts_cents AS bigint[]),
        CAST(:source_routings AS text[]), CAST(:source_last4s AS text[]),
        CAST(:employee_ids AS text[]), CAST(:person_indexes AS text[]),
        CAST(:merchant_ids AS text[]), CAST(:loan_last4s AS text[])
    )"""


def insert_lines(connection: Connection, events: Sequence[StatementLine]) -> None:
    """Store lines of statements. The same line again changes nothing.

    Raises:
        Conflict: a line number of a run came again with other content.
    """
    columns = _line_columns(events)
    run(
        connection,
        f"""
        INSERT INTO statement_line (
            run_id, line,
            provider_payment_id, stated_payment_id,
            payment_id,
            provider_status, amount_cents,
            source_routing, source_last4,
            employee_id, person_index,
            merchant_id, loan_last4
        )
        {GIVEN_LINES}
        ON CONFLICT DO NOTHING""",
        **columns,
    )
    different = run(
        connection,
        f"""
        SELECT count(*)
        FROM (
            {GIVEN_LINES}
            EXCEPT
            SELECT stored.*
            FROM statement_line stored
            JOIN unnest(CAST(:run_ids AS uuid[]), CAST(:lines AS int[])) AS given(run_id, line)
                USING (run_id, line)
        ) AS different""",  # noqa: S608 - the text above
        **columns,
    ).scalar_one()
    if different:
        raise Conflict("a line of a statement came again with other content")


def _line_columns(events: Sequence[StatementLine]) -> dict[str, list[Any]]:  # of several SQL types
    return {
        "run_ids": [str(e.run_id) for e in events],
        "lines": [e.line for e in events],
        "provider_payment_ids": [e.provider_payment_id for e in events],
        "stated_payment_ids": [e.payment_id for e in events],
        "payment_ids": [_payment_id(e.payment_id) for e in events],
        "provider_statuses": [e.provider_status for e in events],
        "amounts_cents": [e.amount_cents for e in events],
        "source_routings": [e.source_routing for e in events],
        "source_last4s": [e.source_last4 for e in events],
        "employee_ids": [e.employee_id for e in events],
        "person_indexes": [e.person_index for e in events],
        "merchant_ids": [e.merchant_id for e in events],
        "loan_last4s": [e.loan_last4 for e in events],
    }


def _payment_id(stated: str) -> str | None:
    """The id in the metadata that the provider states; None if the metadata is not ours."""
    try:
        return str(UUID(stated))
    except ValueError:
        return None
