"""Webhooks that name a payment at the provider which is not ours: people are told."""

from collections.abc import Mapping

from sqlalchemy import Engine

from services.dispatcher.store import hints

NAMED_MAX = 5


def check_hints(engine: Engine) -> Mapping[str, str]:
    """A sentence if webhooks named payments that are not ours; "" if none did lately.

    Raises:
        SQLAlchemyError: the database does not answer.
    """
    with engine.connect() as connection:
        unknown = hints.list_unknown(connection)
    if not unknown:
        return {"payments that webhooks name": ""}
    return {
        "payments that webhooks name": f"Webhooks named {len(unknown)} payments at the provider "
        f"that are not ours: {', '.join(unknown[:NAMED_MAX])}. Somebody else pays with our key, or "
        "by hand. The next reconciliation shows those of our source accounts as breaks."
    }
