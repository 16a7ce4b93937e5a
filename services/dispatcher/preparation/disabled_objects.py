"""Disabled objects are read at the provider again: one that was enabled there becomes usable."""

from typing import Any

from sqlalchemy import Engine, Row

from services.dispatcher.provider.client import Unreachable
from services.dispatcher.provider.object_status import ENTITIES, change_by_status
from services.dispatcher.provider.reader import Reader
from services.dispatcher.store import object_retries, provider_objects

WANTED_MAX = 50
#: No answer, a refused key, a rate limit: the next object would be answered likewise.
NOT_OF_ONE_OBJECT = (None, 401, 403, 429)


class DisabledObjects:
    """Reads the people, corporations and accounts that the provider has disabled."""

    def __init__(self, engine: Engine, reader: Reader) -> None:
        self.engine, self.reader = engine, reader

    def read_wanted(self) -> bool:
        """Read those that a person asked about; whether there were any. Later, if unreachable."""
        try:
            return self._read(WANTED_MAX, wanted_only=True)
        except Unreachable:
            return False

    def read_again(self, limit: int) -> bool:
        """Read up to `limit` of them, those first that were not read for longest.

        Raises:
            Unreachable: the provider answers for no object now; some were not read.
        """
        return self._read(limit, wanted_only=False)

    def _read(self, limit: int, *, wanted_only: bool) -> bool:
        with self.engine.connect() as connection:
            rows = object_retries.list_inactive(connection, limit, wanted_only=wanted_only)
        for row in rows:
            self._read_one(row)
        return bool(rows)

    def _read_one(self, row: Row[Any]) -> None:
        """Apply the status that the provider shows of one object, unless it has changed here.

        One that it cannot show stays disabled, and is read later, so that the others are read.
        """
        path = "/entities" if row.kind in ENTITIES else "/accounts"
        try:
            data = self.reader.get(f"{path}/{row.provider_id}")
        except Unreachable as error:
            if error.answer.status in NOT_OF_ONE_OBJECT:
                raise
            data = {"status": "disabled"}
        change = change_by_status(row, {**data, "id": row.provider_id})
        with self.engine.begin() as connection:
            locked = provider_objects.lock_objects(connection, [row.object_id])[row.object_id]
            if (locked.status, locked.fence) != ("inactive", row.fence):
                return
            if change.status == "inactive":
                object_retries.mark_still_inactive(connection, [row.object_id])
            else:
                provider_objects.write_changes(connection, [change])
