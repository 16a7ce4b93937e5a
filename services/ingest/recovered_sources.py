"""Source accounts of a recovered batch: the addresses and EINs that were published last."""

from sqlalchemy import Connection

from libs.common.contracts.events.batches import BatchChanged
from services.ingest.domain.correction import CORRECTABLE, Correction
from services.ingest.store import sources


def correct_addresses(connection: Connection, newest: BatchChanged) -> None:
    """Change addresses to what they were after corrections that this database lacks."""
    published = {one.source_account_id: one.address for one in newest.sources}
    for stored in sources.list_sources(connection, newest.batch_id):
        name = stored.source_account_id
        for field in CORRECTABLE:
            old, new = getattr(stored, field), getattr(published[name], field)
            if old != new:
                sources.change_address(
                    connection, newest.batch_id, Correction(name, field, old, new)
                )


def change_eins(connection: Connection, newest: BatchChanged) -> None:
    """Change EINs to what they were after amendments that this database lacks."""
    published = {one.source_account_id: one.ein for one in newest.sources if one.account}
    for stored in sources.list_sources(connection, newest.batch_id):
        name = stored.source_account_id
        if new := published.get(name):
            sources.change_ein(connection, newest.batch_id, name, stored.ein, new)
