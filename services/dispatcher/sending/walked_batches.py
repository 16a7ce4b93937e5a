"""For which batches this process has read the provider's list, as it must before it sends."""

import threading
from uuid import UUID

from services.dispatcher.domain.clocks import Moment


class WalkedBatches:
    """Batches that were walked since this process began and since time last passed over it.

    Nothing of it is stored: a database that came back from a copy must not say that it was asked.
    """

    def __init__(self) -> None:
        self._generations: dict[UUID, int] = {}
        self._lock = threading.Lock()

    def add(self, batch_id: UUID, begun: Moment) -> None:
        """Note a complete walk for a batch that began at a moment."""
        with self._lock:
            self._generations[batch_id] = begun.generation

    def list_walked(self, now: Moment) -> frozenset[UUID]:
        """Return the batches that were walked, unless time has passed over the process since."""
        with self._lock:
            return frozenset(
                batch_id
                for batch_id, generation in self._generations.items()
                if generation == now.generation
            )
