"""Backups of an ingest's database, and the way back to one: what a restore does, without Kafka."""

from pathlib import Path

from libs.common.database.migrate import upgrade
from libs.common.tests import database_copies
from libs.common.tests.database_copies import Copies
from services.ingest import recovery
from services.ingest.app import MIGRATIONS
from services.ingest.tests.harness import IngestHarness


class BackedUpIngest:
    """An ingest with backups of its database. `ingest` uses the database of the moment."""

    def __init__(self, admin_url: str, service_url: str, folder: Path) -> None:
        self.copies, self.folder = Copies(admin_url, service_url), folder
        self.ingest = IngestHarness.make(service_url, folder)

    @classmethod
    def migrate(cls, admin_url: str, urls: tuple[str, str], folder: Path) -> "BackedUpIngest":
        """On a new database, whose service's and owner's URLs are given."""
        upgrade(urls[1], MIGRATIONS)
        made = cls(admin_url, urls[0], folder)
        made.ingest.owner_url = urls[1]
        return made

    def back_up(self) -> str:
        """Make a backup; its name."""
        self.ingest.engine.dispose()
        return self.copies.make()

    def restore(self, backup: str, lost: int = 0) -> IngestHarness:
        """Use a backup, quarantined, and recover it from the messages that were published since.

        The last `lost` messages never left the outbox.
        """
        messages = database_copies.messages(self.ingest.engine)
        self.ingest.engine.dispose()
        self.ingest = IngestHarness.make(self.copies.url(backup), self.folder)
        first = database_copies.quarantine_copy(self.ingest.engine, messages[: -lost or None])
        for _ in range(2):  # a crash may repeat it
            recovery.recover_batches(self.ingest.engine, self.ingest.encryption, first)
        return self.ingest

    def close(self) -> None:
        """Drop the backups."""
        self.ingest.engine.dispose()
        self.copies.drop()
