"""What librdkafka writes to its log, as lines of ours: each kind at most once a minute."""

import time
from collections.abc import Callable
from typing import Any

from libs.common.observability.logs import log

EVERY_S = 60.0
#: librdkafka's level 4: what is a warning or worse is written.
LEVEL = 4


class ClientLog:
    """The `logger` of a client. librdkafka calls `log` while the client is polled.

    A broker that is away is reported ten times a second. So a kind of line (FAIL, SESSTMOUT, …) is
    written at once, and then at most once a minute, with the number of lines it stands for.
    """

    def __init__(self, client: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.client, self.clock = client, clock
        self._written_at: dict[str, float] = {}
        self._dropped: dict[str, int] = {}

    def log(self, _level: int, _form: str, *parts: Any) -> None:
        """Write one line: its kind, the client's own name, and its text."""
        kind, text = str(parts[0]), str(parts[-1])
        now, written_at = self.clock(), self._written_at.get(kind)
        if written_at is not None and now - written_at < EVERY_S:
            self._dropped[kind] = self._dropped.get(kind, 0) + 1
            return
        self._written_at[kind] = now
        count = self._dropped.pop(kind, 0) + 1
        log.warning("kafka_client", name=self.client, kind=kind, reason=text[:300], count=count)
