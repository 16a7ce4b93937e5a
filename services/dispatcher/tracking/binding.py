"""Binding: payments without a known outcome are bound to live ones in a list, at any time.

Absence is believed only after a grace. Presence is evidence at once. A payment that has ended at
the provider is left to the look-up: another attempt may be alive that is not in this list yet.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, Engine

from services.dispatcher.domain.duplicates import Line, choose_payment, is_alive, payment_id_of
from services.dispatcher.domain.protocol import Next
from services.dispatcher.handlers import Evidence
from services.dispatcher.store import payments, provider_walks
from services.dispatcher.store.payment_changes import apply_changes
from services.dispatcher.tracking.lookup import adopt, change_after_lookup, found_payment


def bind_listed(engine: Engine, lines: Sequence[Line], batch_id: UUID) -> None:
    """Bind the payments of a batch that have an unanswered attempt to those that are listed.

    One that has another amount or other accounts is held. One that a worker is sending just now is
    left to it. A second call changes nothing.
    """
    by_payment: dict[str, list[Line]] = {}
    for line in filter(is_alive, lines):
        by_payment.setdefault(payment_id_of(line), []).append(line)
    with engine.begin() as connection:
        changes = []
        for row in provider_walks.lock_unanswered(connection, batch_id):
            given = by_payment.get(str(row.payment_id), [])
            chosen = choose_payment(given, str(row.payment_id), row.attempts, row.provider_id or "")
            if chosen is None:
                continue
            evidence = Evidence("lookup", f"{row.payment_id}/{row.attempts}/listed")
            if found_payment(row, chosen).equal:
                changes.append(adopt(connection, row, chosen, evidence))
            else:
                held = Next("held")
                changes.append(change_after_lookup(row, held, evidence, 0, "other_money"))
        apply_changes(connection, changes)


def find_line_batches(connection: Connection, lines: Sequence[Line]) -> dict[str, str]:
    """Return the batch of each listed payment, by the provider's id; "" if it names none.

    One that names no payment of ours belongs where people have bound it.
    """
    unnamed = [str(line["id"]) for line in lines if not payment_id_of(line)]
    bound = payments.find_batches(connection, unnamed) if unnamed else {}
    return {str(line["id"]): batch_of(line) for line in lines} | bound


def batch_of(line: Line) -> str:
    """Return the batch that a line names in its metadata; "" if none."""
    metadata = line.get("metadata")
    return str(metadata.get("batch_id") or "") if isinstance(metadata, Mapping) else ""
