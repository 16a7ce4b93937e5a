"""For which batches this process has read the provider's list, as it must before it sends."""

import threading
from uuid import UUID

from services.dispatcher.domain.clocks import Moment
from services.dispatcher.domain.provider_walk import still_counts


class WalkedBatches:
    """Batches that were walked lately: by this process, and since time last passed over it.

    Nothing of it is stored: a database that came back from a copy must not say that it was asked.
    """

    def __init__(self) -> None:
        self._walks: dict[UUID, Moment] = {}
        self._lock = threading.Lock()

    def add(self, batch_id: UUID, begun: Moment) -> None:
        """Note a complete walk for a batch that began at a moment."""
        with self._lock:
            self._walks[batch_id] = begun

    def list_walked(self, now: Moment) -> frozenset[UUID]:
        """Return the batches whose walk still counts."""
        with self._lock:
            return frozenset(
                batch_id for batch_id, begun in self._walks.items() if still_counts(begun, now)
            )
