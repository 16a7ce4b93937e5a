"""Recover provider objects: people and accounts that the provider has and the copy does not know.

Their ids follow from what they are made of, and the provider shows our id in the metadata.
"""

import dataclasses
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Engine

from services.dispatcher.domain.duplicates import Line
from services.dispatcher.preparation.provisioning import Provisioner
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.provider.reader import Reader, since
from services.dispatcher.sending.provider_objects import change_to_existing
from services.dispatcher.store import attempts, payment_preparation, provider_objects

RETRY_S = 2.0


@dataclasses.dataclass
class ObjectRecovery:
    """Inserts the objects that batches need, binds them to the provider's, and links payments.

    `from_date` is when something may have been created that the copy does not know; None is ever.
    """

    engine: Engine
    reader: Reader
    from_date: datetime | None

    def run(self) -> None:
        """Return when every approved payment that can be is linked to its accounts, or on stop."""
        provisioner = Provisioner(self.engine, self.reader)
        stop, beat = self.reader.stop, self.reader.beat
        while not stop.is_set() and provisioner.list_unprepared(every=True):
            beat()
            if not provisioner.insert_objects(every=True):
                stop.wait(RETRY_S)
        while not stop.is_set():
            with suppress(Unreachable):
                if all([self._walk("/entities"), self._walk("/accounts")]):
                    break
            stop.wait(RETRY_S)
        while not stop.is_set() and provisioner.link_payments(every=True):
            beat()
        with self.engine.begin() as connection:
            payment_preparation.link_source_accounts(connection)

    def _walk(self, path: str) -> bool:
        """Bind the objects in a list of the provider; whether the list was complete."""
        walk = self.reader.walk(path, since(self.from_date))
        for page in walk:
            self.bind(page.lines)
        return walk.complete

    def bind(self, lines: Sequence[Line]) -> None:
        """Bind objects to those that the provider lists under our ids; bound ones stay."""
        by_id = {str((line.get("metadata") or {}).get("object_id", "")): line for line in lines}
        with self.engine.begin() as connection:
            rows = provider_objects.lock_unbound(connection, list(by_id))
            attempts.end_all_attempts(connection, [row.object_id for row in rows], "accepted")
            provider_objects.write_changes(
                connection, [change_to_existing(row, by_id[str(row.object_id)]) for row in rows]
            )
