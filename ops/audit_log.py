"""`python -m ops audit`: the gateway's audit log as JSON lines, with its chain verified.

Each line carries its number and hash. An export that is kept elsewhere shows later whether lines
were cut off at the end, which the chain alone does not show.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict

from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.errors import SettingsError
from libs.common.database.engine import connect, error_summary
from libs.common.runtime.settings import read_one
from ops.errors import CommandError
from services.gateway.domain.audit_chain import FIRST_PREVIOUS_HASH, ChainedEntry, line_hash
from services.gateway.store.audit import read_chain

Kept = tuple[int, str]


def parse_kept(text: str) -> Kept:
    """`number:hash` of a line that was exported before.

    Raises:
        CommandError: it is something else.
    """
    number, _, digest = text.partition(":")
    if not (number.isascii() and number.isdecimal() and len(digest) == len(FIRST_PREVIOUS_HASH)):
        raise CommandError("--kept is number:hash, as in the last line of an earlier export")
    return int(number), digest


def verified(lines: Iterable[ChainedEntry], kept: Kept | None = None) -> Iterator[ChainedEntry]:
    """The lines, each after its place in the chain was verified.

    Args:
        kept: a line that an earlier export had; it must still be there, as it was.

    Raises:
        CommandError: a line was changed, removed, moved or inserted.
    """
    previous, expected, missing = FIRST_PREVIOUS_HASH, 1, kept
    for line in lines:
        if (line.seq, line.previous_hash) != (expected, previous) or line.hash != line_hash(
            previous, line.seq, line.entry
        ):
            raise CommandError(f"the audit log is not as it was written from line {expected} on")
        if kept is not None and line.seq == kept[0]:
            if line.hash != kept[1]:
                raise CommandError(f"line {line.seq} is not the one that was exported before")
            missing = None
        yield line
        previous, expected = line.hash, expected + 1
    if missing is not None:
        raise CommandError(
            f"line {missing[0]} was exported before and is missing: the log ends at {expected - 1}"
        )


def as_json(line: ChainedEntry) -> str:
    """A line of the log as one line of JSON."""
    fields = {"seq": line.seq, **asdict(line.entry), "hash": line.hash}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def export(after: int, kept: Kept | None, write: Callable[[ChainedEntry], str] = as_json) -> None:
    """Print the lines after a number as JSON lines; the whole chain is verified.

    Args:
        write: a line of the log as one line of JSON.

    Raises:
        CommandError: the log is not as it was written, or cannot be read.
    """
    last = (0, FIRST_PREVIOUS_HASH)
    try:
        url = read_one("gateway", "database_url", "it names the database to read")
        engine = connect(url, "audit-export", 1)
        with engine.connect() as connection:
            for line in verified(read_chain(connection), kept):
                if line.seq > after:
                    print(write(line))
                last = (line.seq, line.hash)
    except SettingsError as error:
        raise CommandError(str(error)) from None
    except SQLAlchemyError as error:
        raise CommandError(f"the audit log cannot be read: {error_summary(error)}.") from None
    print(f"intact up to {last[0]}:{last[1]}", file=sys.stderr)
