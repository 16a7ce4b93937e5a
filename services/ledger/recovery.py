"""Recovery after a restore: certificates and acknowledgements made after the backup come back.

Everything else of the ledger follows from its topics, which are read to their ends.
"""

from sqlalchemy import Engine

from libs.common.messaging.consumer import Beat
from services.ledger.reconciliation.acknowledging import apply_acknowledgements
from services.ledger.store import acknowledgements, certificates


def recover_published(engine: Engine, first_outbox_id: int, _beat: Beat) -> None:
    """Store what was published after the backup and follows from no topic.

    So no version of a certificate is issued twice, and what people acknowledged stays so.

    The recovered messages stand in the outbox above `first_outbox_id`. A second call changes
    nothing.
    """
    with engine.begin() as connection:
        published = certificates.find_published_certificates(connection, first_outbox_id)
        if published:
            certificates.insert_certificates(connection, published)
        apply_acknowledgements(
            connection, acknowledgements.find_published(connection, first_outbox_id)
        )
