"""Recovery after a restore: the certificates that were issued after the backup come back.

Everything else of the ledger follows from its topics, which are read to their ends.
"""

from sqlalchemy import Engine

from libs.common.messaging.consumer import Beat
from services.ledger.store import certificates


def recover_certificates(engine: Engine, first_outbox_id: int, _beat: Beat) -> None:
    """Store the certificates that were published after the backup, so no version is issued twice.

    The recovered messages stand in the outbox above `first_outbox_id`. A second call changes
    nothing.
    """
    with engine.begin() as connection:
        published = certificates.find_published_certificates(connection, first_outbox_id)
        if published:
            certificates.insert_certificates(connection, published)
