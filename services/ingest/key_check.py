"""Where ingest keeps sealed values, and how its database shows which index key it was filled with.

Every source account stands there twice: sealed, and as an index of (routing, number). Opened and indexed again it must come out
equal; so no table is needed to remember the index key, and nothing about the key is stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from libs.common.crypto import key_check
from libs.common.database.engine import run
from services.ingest.staging import Secrets

PLACES = key_check.EncryptedColumns(
    samples="SELECT account AS sealed, 'account' AS field, batch_id || '/' || source_account_id AS row_id FROM batch_source",
    everything={
        "batch_source": "SELECT account FROM batch_source",
        "row_seal": "SELECT unnest(ARRAY[first_name, last_name, dob, phone, loan, written]) FROM row_seal",
        # The outbox is never emptied, so it holds what lies on the topics.
        "outbox and topic batches": """
            SELECT s ->> 'account' FROM outbox, jsonb_array_elements(CAST(body AS jsonb) -> 'sources') AS s WHERE message_type = 'batch-changed.v1'""",
        "outbox and topic parsed-rows": """
            SELECT unnest(ARRAY[b ->> 'first_name', b ->> 'last_name', b ->> 'dob', b ->> 'phone', b ->> 'loan'])
            FROM (SELECT CAST(body AS jsonb) AS b FROM outbox WHERE message_type = 'row-read.v1') AS r""",
    },
)


@dataclass(frozen=True)
class Witness:
    """A source account as it is stored."""

    batch_id: str
    source_account_id: str
    routing: str
    account: str  # sealed
    account_index: str


def witnesses(connection: Connection) -> list[Witness]:
    """The sources of the first and of the last batch that has any: a key that was changed in between shows in one of them."""
    rows = run(
        connection,
        """
        SELECT CAST(batch_id AS text) AS batch_id, source_account_id, aba_routing, account, account_index FROM batch_source
        WHERE batch_id IN ((SELECT b.batch_id FROM batch b JOIN batch_source USING (batch_id) ORDER BY b.uploaded_at LIMIT 1),
                           (SELECT b.batch_id FROM batch b JOIN batch_source USING (batch_id) ORDER BY b.uploaded_at DESC LIMIT 1))
        ORDER BY 1, 2 LIMIT 100""",
    )
    return [Witness(*row) for row in rows]


def fits(secrets: Secrets, found: Iterable[Witness]) -> bool:
    """Whether the index key makes of each account the index that is stored. Pure.

    Raises:
        SealBroken: the seal keys do not open it; `sealed.check` says so before.
    """
    return all(
        secrets.index.digest(
            "account",
            one.routing,
            secrets.sealer.decrypt(
                one.account, "account", f"{one.batch_id}/{one.source_account_id}"
            ),
        )
        == one.account_index
        for one in found
    )


def check(engine: Engine, secrets: Secrets) -> None:
    """Refuse keys that are not those of this database: under another index key no claim would recognise a loan, and it could be paid twice.

    Raises:
        WrongKeys: with one sentence; nothing was read or written with the keys.
        SQLAlchemyError: the database could not be asked.
    """
    key_check.check(engine, "ingest", PLACES, secrets.sealer)
    if not fits(secrets, key_check.ask_if_migrated(engine, witnesses)):
        raise key_check.WrongKeys(
            "ingest cannot start: PAYDOWN_INGEST_INDEX_KEY is not the key its database was filled with, so claims would not recognise "
            "a loan that is paid already; give the key that was (docs/runbooks/keys.md). Nothing was read, no money is affected."
        )
