"""The hash chain of the audit log: each line carries the hash of the line before it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final, Literal, NamedTuple

AuditKind = Literal["intent", "outcome", "refused", "replayed"]
FIRST_PREVIOUS_HASH: Final = "0" * 64
LATER: Final = frozenset({"via", "address"})  # fields that the first version did not have


@dataclass(frozen=True)
class AuditEntry:
    """One line of the audit log.

    `kind`: `intent` before an unsafe call is carried out, `outcome` after it and after a read of
    personal data, `refused` if a check refused it, `replayed` if a stored answer was sent again.
    """

    at: str
    kind: AuditKind
    request_id: str
    person: str
    roles: tuple[str, ...]
    method: str
    path: str
    status: int | None = None
    subject: str = ""
    via: str = ""  # `session`, `token <id>`, or "" for a demo token
    address: str = ""  # of the caller


class ChainedEntry(NamedTuple):
    """A line as it is stored: its number, its contents, and its place in the chain."""

    seq: int
    entry: AuditEntry
    previous_hash: str
    hash: str


def line_hash(previous_hash: str, seq: int, entry: AuditEntry) -> str:
    """SHA-256 over the hash of the line before, the line's number and its canonical JSON.

    An empty `via` or `address` is left out, because older lines were hashed before it existed.
    """
    fields = {name: value for name, value in asdict(entry).items() if name not in LATER or value}
    text = json.dumps(
        {"previous": previous_hash, "seq": seq, **fields},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def first_broken(lines: Iterable[ChainedEntry]) -> int | None:
    """The number of the first line that was changed, removed, moved or inserted; None if none was.

    Lines cut off at the end are not detected.
    """
    previous, expected = FIRST_PREVIOUS_HASH, 1
    for line in lines:
        if (
            line.seq != expected
            or line.previous_hash != previous
            or line_hash(previous, line.seq, line.entry) != line.hash
        ):
            return expected
        previous, expected = line.hash, line.seq + 1
    return None
