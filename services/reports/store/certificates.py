"""Tables `certificate` and `judgement`: what the ledger certified, and each reconciliation."""

from collections.abc import Sequence

from sqlalchemy import Connection

from libs.common.contracts.events.ledger import CertificateIssued, ReconciliationJudged
from libs.common.contracts.statuses import OUTCOMES
from services.reports.store.bulk_insert import Item, insert_missing, to_item

CERTIFICATE = (
    *("batch_id", "version", "run_id", "outcome", "digest", "totals", "acknowledged"),
    "issued_at",
)
JUDGEMENT = ("event_id", "batch_id", "run_id", "clean", "break_count", "judged_at")
#: A certificate ends a batch, so nothing in it is pending.
CERTIFIED_TOTALS = ("total", *(outcome for outcome in OUTCOMES if outcome != "pending"))


def insert_certificates(connection: Connection, events: Sequence[CertificateIssued]) -> None:
    """Insert certificates; a second call changes nothing."""
    items = [_certificate(event) for event in events]
    insert_missing(connection, "certificate", CERTIFICATE, items)


def insert_judgements(connection: Connection, events: Sequence[ReconciliationJudged]) -> None:
    """Insert the results of reconciliations; a second call changes nothing."""
    items = [to_item(event, JUDGEMENT, "judged_at") for event in events]
    insert_missing(connection, "judgement", JUDGEMENT, items)


def _certificate(event: CertificateIssued) -> Item:
    totals = {name: getattr(event, name).model_dump() for name in CERTIFIED_TOTALS}
    return to_item(event, CERTIFICATE, "issued_at") | {"totals": totals}
