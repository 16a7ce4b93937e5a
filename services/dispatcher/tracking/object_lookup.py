"""Look-ups of provider objects: search the provider for objects whose creation is in doubt."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Engine, Row

from services.dispatcher.domain.protocol import Found, Timing, Verdict, after_lookup
from services.dispatcher.domain.reasons import NEVER_MADE, VERDICT_SENTENCES
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.provider.clocks import Clocks
from services.dispatcher.provider.object_status import ENTITIES
from services.dispatcher.provider.reader import Reader, since
from services.dispatcher.sending.provider_objects import (
    VERIFICATIONS,
    change_to_existing,
    change_without_object,
    metadata,
)
from services.dispatcher.store import attempts, provider_objects
from services.dispatcher.store.provider_objects import ObjectChange
from services.dispatcher.tracking.lookup import look_key, may_look_up

LOOKUPS_AT_ONCE = 20
DUE_MAX = 10_000


def look_up_objects(engine: Engine, reader: Reader, timing: Timing) -> bool:
    """Search the provider for objects whose creation is in doubt; whether there were any.

    An object is adopted only by our id and attempt in its metadata.
    """
    clocks = reader.provider.clocks
    rows = lease(engine, clocks, timing)
    for row in rows:
        try:
            found, complete = find_object(reader, row)
        except Unreachable:
            found, complete = None, False
        lookups = 0 if found is None and not complete else row.looks + 1
        change, outcome = conclude(row, found, lookups, timing)
        with engine.begin() as connection:
            if provider_objects.lock_leased(connection, row.object_id, row.fence + 1):
                attempts.end_attempts(connection, [(row.object_id, row.attempts, outcome)])
                provider_objects.write_changes(connection, [change])
        clocks.sends.note(look_key(row.object_id, row.attempts, lookups), clocks.now())
    return bool(rows)


def lease(engine: Engine, clocks: Clocks, timing: Timing) -> list[Row[Any]]:
    """Take the lease of objects of which the waits before the next look-up are over."""
    now = clocks.now()
    with engine.begin() as connection:
        due = provider_objects.list_due_lookups(connection, DUE_MAX)
        ready = [row for row in due if may_look_up(clocks, row.object_id, row, timing, now)]
        fences = {row.object_id: row.fence for row in ready[:LOOKUPS_AT_ONCE]}
        return provider_objects.lease_lookups(connection, fences) if fences else []


def conclude(
    row: Row[Any], found: dict[str, Any] | None, lookups: int, timing: Timing
) -> tuple[ObjectChange, str]:
    """Return (what the object becomes, outcome of its attempt) after a look-up.

    Where a payment would be held for people, an object has failed: it moves no money, and what
    needs it says so instead of waiting without a word.

    Args:
        lookups: complete walks in a row that did not find it; 0 if this one was not complete.
    """
    following = after_lookup(
        Found(str(found["id"]), equal=True) if found else None,
        max(lookups, 1),
        row.absent + 1,
        may_exist=False,
        cancelled=False,
        timing=timing,
    )
    code, reason = "", VERDICT_SENTENCES[Verdict.UNKNOWN]
    if following.status == "held":
        following, (code, reason) = replace(following, status="failed"), NEVER_MADE
    change = (
        change_to_existing(row, found, reason)
        if found
        else change_without_object(row, following, code, reason)
    )
    lookups = lookups if following.status == "in_doubt" else 0
    return replace(change, lookups=lookups), following.attempt


def find_object(reader: Reader, row: Row[Any]) -> tuple[dict[str, Any] | None, bool]:
    """Return (the object at the provider or None, whether the walk was complete)."""
    if row.purpose in VERIFICATIONS:
        entity = reader.get(f"/entities/{row.provider_id}")
        return (entity if entity.get("status") == "active" else None), True
    if row.kind in ENTITIES:
        lines, complete = reader.all("/entities", {"type": row.kind, **since(row.provider_date)})
    else:
        lines, complete = reader.all("/accounts", {"holder_id": row.holder_provider_id})
    wanted = metadata(row, row.attempts)
    return next((line for line in lines if line.get("metadata") == wanted), None), complete
