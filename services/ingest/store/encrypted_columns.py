"""Where encrypted values are stored, as queries; and the accounts that show the index key."""

from dataclasses import dataclass

from sqlalchemy import Connection

from libs.common.database.engine import run

#: Columns (sealed, field, row_id), with at least one row for each key that is in use.
SAMPLES = """
    SELECT account AS sealed, 'account' AS field,
        batch_id || '/' || source_account_id AS row_id
    FROM batch_source"""

#: All encrypted values, by place. The outbox keeps every event, so it has what the topics have.
ALL_VALUES = {
    "batch_source": "SELECT account FROM batch_source",
    "row_seal": """
        SELECT unnest(ARRAY[first_name, last_name, dob, phone, loan, written])
        FROM row_seal""",
    "outbox and topic batches": """
        SELECT s ->> 'account'
        FROM outbox, jsonb_array_elements(CAST(body AS jsonb) -> 'sources') AS s
        WHERE message_type = 'batch-changed.v1'""",
    "outbox and topic parsed-rows": """
        SELECT unnest(ARRAY[
            b ->> 'first_name', b ->> 'last_name', b ->> 'dob', b ->> 'phone', b ->> 'loan'])
        FROM (
            SELECT CAST(body AS jsonb) AS b
            FROM outbox
            WHERE message_type = 'row-read.v1') AS r""",
}


@dataclass(frozen=True)
class IndexedAccount:
    """A source account as it is stored; `account` is encrypted."""

    batch_id: str
    source_account_id: str
    routing: str
    account: str
    account_index: str


def list_indexed_accounts(connection: Connection) -> list[IndexedAccount]:
    """List the sources of the first and of the last batch that has any, at most 100.

    If the index key was changed in between, one of the two shows it.
    """
    found = run(
        connection,
        """
        SELECT CAST(batch_id AS text) AS batch_id, source_account_id,
            aba_routing, account, account_index
        FROM batch_source
        WHERE batch_id IN (
            (SELECT b.batch_id
             FROM batch b
             JOIN batch_source USING (batch_id)
             ORDER BY b.uploaded_at
             LIMIT 1),
            (SELECT b.batch_id
             FROM batch b
             JOIN batch_source USING (batch_id)
             ORDER BY b.uploaded_at DESC
             LIMIT 1))
        ORDER BY 1, 2
        LIMIT 100""",
    )
    return [IndexedAccount(*row) for row in found]
