"""Tables `preflight` and `dispatch`: the newest check with the provider, and the newest state
of paying, of each batch.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from libs.common.contracts.events.preparation import DispatchChanged, PreflightDone
from services.reports.store.bulk_insert import to_item, upsert_newer

PREFLIGHT = ("batch_id", "revision", "checked", "message", "done_at")
DISPATCH = ("batch_id", "version", "state", "reason", "changed_at")


def upsert_preflights(connection: Connection, events: Iterable[PreflightDone]) -> None:
    """Write the check of each batch's newest revision; an older one changes nothing."""
    items = [to_item(event, PREFLIGHT, "done_at") for event in events]
    upsert_newer(connection, "preflight", PREFLIGHT, "revision", items)


def upsert_dispatches(connection: Connection, events: Iterable[DispatchChanged]) -> None:
    """Write the newest version of each batch's dispatch; an older one changes nothing."""
    items = [to_item(event, DISPATCH, "changed_at") for event in events]
    upsert_newer(connection, "dispatch", DISPATCH, "version", items)
