"""The table of topics. Only this module names them."""

from dataclasses import dataclass

PARTITIONS = 12


@dataclass(frozen=True)
class Topic:
    """One topic.

    `key` names the event field a message is partitioned by. `producer` and `consumers` are
    names of services.
    """

    name: str
    key: str
    producer: str
    consumers: tuple[str, ...]


BATCHES = Topic("batches", "batch_id", "ingest", ("dispatcher", "ledger", "reports"))
PARSED_ROWS = Topic("parsed-rows", "row_id", "ingest", ("dispatcher", "reports"))
APPROVED_PAYMENTS = Topic(
    "approved-payments", "payment_id", "ingest", ("dispatcher", "ledger", "reports")
)
PREPARATION = Topic("preparation", "batch_id", "dispatcher", ("ingest", "reports"))
PROVIDER_EVENTS = Topic("provider-events", "provider_id", "webhooks", ("dispatcher", "reports"))
STATUS_EVENTS = Topic("status-events", "payment_id", "dispatcher", ("ledger", "reports"))
PROVIDER_STATEMENTS = Topic("provider-statements", "run_id", "dispatcher", ("ledger",))
LEDGER_POSTINGS = Topic("ledger-postings", "batch_id", "ledger", ("ingest", "reports"))
#: Nobody else needs the holds: rows that fall under one are published as excluded. On a topic they
#: are kept for a restore.
HOLDS = Topic("holds", "hold_id", "ingest", ())
#: The rules by amount are kept for a restore too: without them a restored service would ask for
#: fewer approvers than were agreed on.
APPROVAL_RULES = Topic("approval-rules", "rules_version", "ingest", ())

TOPICS = (
    BATCHES,
    PARSED_ROWS,
    APPROVED_PAYMENTS,
    PREPARATION,
    PROVIDER_EVENTS,
    STATUS_EVENTS,
    PROVIDER_STATEMENTS,
    LEDGER_POSTINGS,
    HOLDS,
    APPROVAL_RULES,
)


def facts_of(service: str) -> list[Topic]:
    """The topics on which a service publishes facts.

    A service compares them with its database at start, to detect that an older backup of the
    database was restored. A webhook is a hint, not a fact, so its topic is left out.
    """
    return [topic for topic in TOPICS if topic.producer == service and topic is not PROVIDER_EVENTS]


#: Messages are kept for ever, because a rebuild reads them again. A batch with thousands of
#: branches is one large message. The broker dates them: so its clock can be compared with ours,
#: and it refuses no message because our clock is an hour ahead of its own.
CONFIG = {
    "retention.ms": "-1",
    "cleanup.policy": "delete",
    "max.message.bytes": "16777216",
    "min.insync.replicas": "1",
    "message.timestamp.type": "LogAppendTime",
}
