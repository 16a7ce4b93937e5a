"""Table `source_refusal`: payments that the bank of a source account refused, until it resumes."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run


def insert_refusals(connection: Connection, refusals: Sequence[tuple[str, UUID, str]]) -> None:
    """Note refusals (account index, payment, code); a second one of a payment changes nothing."""
    run(
        connection,
        """
        INSERT INTO source_refusal (account_index, payment_id, code)
        SELECT *
        FROM unnest(CAST(:accounts AS text[]), CAST(:ids AS uuid[]), CAST(:codes AS text[]))
        ON CONFLICT DO NOTHING""",
        accounts=[account for account, _, _ in refusals],
        ids=[str(payment_id) for _, payment_id, _ in refusals],
        codes=[code for _, _, code in refusals],
    )


def list_codes(connection: Connection, accounts: Collection[str]) -> dict[str, list[str]]:
    """Return the codes of each account's refused payments since a person last resumed it."""
    rows = run(
        connection,
        """
        SELECT account_index, array_agg(code) AS codes
        FROM source_refusal
        WHERE account_index = ANY(CAST(:accounts AS text[]))
        GROUP BY account_index""",
        accounts=list(accounts),
    )
    return {row.account_index: list(row.codes) for row in rows}


def delete_refusals(connection: Connection, accounts: Collection[str]) -> None:
    """Forget the refusals of accounts that a person resumed."""
    run(
        connection,
        "DELETE FROM source_refusal WHERE account_index = ANY(CAST(:accounts AS text[]))",
        accounts=list(accounts),
    )
