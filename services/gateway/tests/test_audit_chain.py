"""The hash chain of the audit log."""

from dataclasses import replace

from services.gateway.domain.audit_chain import (
    FIRST_PREVIOUS_HASH,
    AuditEntry,
    ChainedEntry,
    first_broken,
    line_hash,
)

ENTRIES = [
    AuditEntry(
        at=f"2026-11-20T10:00:0{n}+00:00",
        kind="intent",
        request_id=f"r{n}",
        person="demo-preparer",
        roles=("preparer",),
        method="POST",
        path="/api/v1/batches",
    )
    for n in range(4)
]


def chain(entries: list[AuditEntry]) -> list[ChainedEntry]:
    previous, lines = FIRST_PREVIOUS_HASH, []
    for seq, entry in enumerate(entries, 1):
        line = ChainedEntry(seq, entry, previous, line_hash(previous, seq, entry))
        lines.append(line)
        previous = line.hash
    return lines


def test_a_chain_holds_and_every_change_of_it_is_found() -> None:
    assert first_broken([]) is None
    good = chain(ENTRIES)
    assert first_broken(good) is None
    for n, line in enumerate(good):
        changed = line._replace(entry=replace(line.entry, person="demo-admin"))
        assert first_broken([*good[:n], changed, *good[n + 1 :]]) == line.seq
    assert first_broken(good[1:]) == 1
    assert first_broken([good[0], good[2], good[3]]) == 2
    assert first_broken([good[0], good[2], good[1], good[3]]) == 2
    entry = replace(ENTRIES[1], person="x")
    rehashed = good[1]._replace(entry=entry, hash=line_hash(good[0].hash, 2, entry))
    assert first_broken([good[0], rehashed, *good[2:]]) == 3  # the line after it shows the change
