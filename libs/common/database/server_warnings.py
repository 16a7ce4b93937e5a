"""What a PostgreSQL server says beside its answers, as lines of ours."""

import re

from libs.common.observability.logs import log

#: What is no warning: a table that is there already, a statement that was logged.
QUIET = ("NOTICE", "INFO", "LOG", "DEBUG")
TEXT_MAX, KINDS_MAX = 300, 100
_VALUE = re.compile(r"\"[^\"]*\"|'[^']*'|\d{4,}")


class ServerWarnings:
    """The `notices` of a connection: psycopg2 appends each text that the server sends.

    A kind of text is written once for each connection. Values in it are masked.
    """

    def __init__(self) -> None:
        self._written: set[str] = set()

    def append(self, text: str) -> None:
        """Write one warning; what is none is dropped."""
        severity, _, said = text.partition(":")
        reason = _VALUE.sub("…", said.strip().partition("\n")[0])[:TEXT_MAX]
        is_known = reason in self._written or len(self._written) >= KINDS_MAX
        if severity.startswith(QUIET) or is_known:
            return
        self._written.add(reason)
        log.warning("database_server", kind=severity, reason=reason)
