"""Walks through the provider's list before a batch is sent: the provider as the third witness.

Database and topics may have come back together from an old snapshot. They agree with each other,
and keys are forgotten at the provider after a day. Only its list shows what was paid meanwhile.
"""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Row

from libs.common.observability.logs import log
from libs.common.recovery import quarantine
from services.dispatcher.domain.clocks import Moment, list_from
from services.dispatcher.domain.duplicates import Line
from services.dispatcher.domain.provider_walk import find_ours
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.provider.reader import Reader, since
from services.dispatcher.sending.walked_batches import WalkedBatches
from services.dispatcher.store import provider_walks
from services.dispatcher.tracking.binding import find_line_batches
from services.dispatcher.tracking.duplicates import DuplicateDetector

RETRY_S = 2.0
WHY_QUARANTINED = (
    "The provider lists payments of ours that this database does not know. "
    "It came back from an older copy, or another installation pays with the same key."
)


class ProviderWalker:
    """Reads the provider's list for batches that are about to be sent, and binds what it finds."""

    def __init__(
        self, engine: Engine, reader: Reader, detector: DuplicateDetector, walked: WalkedBatches
    ) -> None:
        self.engine, self.reader, self.detector, self.walked = engine, reader, detector, walked
        self.clocks = reader.provider.clocks
        self.retry_at = 0.0

    def walk(self) -> bool:
        """Walk for every batch that pays and was not walked; whether it may be sent now.

        One walk serves them all, from two days before the first approval. If it shows payments that
        this database does not know, the database is quarantined and nothing is sent.
        """
        if time.monotonic() < self.retry_at:
            return False
        begun = self.clocks.now()
        with self.engine.connect() as connection:
            due = provider_walks.list_unwalked(connection, self.walked.list_walked(begun))
        try:
            if not begun.is_sure:
                # The answer shows the provider's clock. Without it no wait would ever be over
                # where nothing else is asked for.
                answer = self.reader.call("GET", "/ping")
                if begun.provider is None and answer.status is not None:
                    return False  # the next turn asks again at once, until the clock is known
            if begun.provider is not None and due and self._walk(due, begun):
                for batch in due:
                    self.walked.add(batch.batch_id, begun)
                return True
        except Unreachable as error:
            log.warning("provider_walk_cut_short", status=error.answer.status)
        if due or not begun.is_sure:
            self.retry_at = time.monotonic() + RETRY_S
        return False

    def _walk(self, due: Sequence[Row[Any]], begun: Moment) -> bool:
        """Walk once; whether the walk was complete and showed nothing that is not known here."""
        begins = [list_from(b.approved_at, None, b.our_now, begun.provider) for b in due]
        known_begins = [begin for begin in begins if begin is not None]
        begin = min(known_begins) if len(known_begins) == len(begins) else None
        batch_ids = {str(batch.batch_id) for batch in due}
        lines: dict[str, Line] = {}
        named: dict[str, str] = {}
        walk = self.reader.walk("/payments", since(begin))
        for page in walk:
            if self._quarantine_if_unknown(page.lines):
                return False
            with self.engine.connect() as connection:
                of_page = find_line_batches(connection, page.lines)
            for line in page.lines:
                provider_id = str(line["id"])
                if of_page[provider_id] in batch_ids:
                    lines[provider_id], named[provider_id] = line, of_page[provider_id]
        if not walk.complete:
            return False
        for batch in due:
            of_batch = [line for key, line in lines.items() if named[key] == str(batch.batch_id)]
            self.detector.resolve(of_batch, batch.batch_id)
        return True

    def _quarantine_if_unknown(self, lines: Sequence[Line]) -> bool:
        """Quarantine the database if it does not know payments of ours; whether it was."""
        with self.engine.begin() as connection:
            unknown = provider_walks.insert_unknown(connection, find_ours(lines))
            if unknown:
                quarantine.start(connection, WHY_QUARANTINED)
                log.critical("unknown_payments_at_provider", count=unknown)
        return bool(unknown)
