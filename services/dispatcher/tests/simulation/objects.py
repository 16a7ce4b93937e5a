"""Accounts and loans that the provider disables and enables again, in a simulation."""

import random

from services.dispatcher.preparation.provisioning import note_refused_sources
from services.dispatcher.store import provider_objects
from services.dispatcher.store.provider_objects import ObjectChange
from services.dispatcher.tests.harness import ManualDispatcher

SHARE = 0.4


def disable_some(dispatcher: ManualDispatcher, chance: random.Random) -> None:
    """The provider disables some of the source accounts and loans."""
    usable = dispatcher.rows(
        """
        SELECT provider_id
        FROM object
        WHERE kind IN ('ach', 'liability') AND status = 'pending'
        ORDER BY natural_key"""
    )
    chosen = [row.provider_id for row in usable if chance.random() < SHARE]
    with dispatcher.engine.begin() as connection:
        provider_objects.mark_inactive(connection, chosen)
        note_refused_sources(connection)


def enable_all(dispatcher: ManualDispatcher) -> None:
    """The provider has enabled all of them again, and they were read."""
    disabled = dispatcher.rows(
        "SELECT object_id, purpose, provider_id FROM object WHERE status = 'inactive'"
    )
    with dispatcher.engine.begin() as connection:
        provider_objects.write_changes(
            connection,
            [
                ObjectChange(row.object_id, "pending", row.purpose, row.provider_id)
                for row in disabled
            ],
        )
        note_refused_sources(connection)
