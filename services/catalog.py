"""The one table of services, in the order money flows.

Derived from it: ports, start order, databases and roles, secrets, the local stack's settings, and
the names that the commands of `ops` and `devtools` take. What cannot be derived (compose file,
manifests, Prometheus, README files) is compared with it by tests in tests/contracts and
tests/kubernetes. Standard library only, because a container's health check imports it.
"""

from dataclasses import dataclass

from libs.common.contracts.topics import TOPICS, Topic, facts_of

DATABASE_PREFIX = "paydown"


@dataclass(frozen=True)
class CatalogEntry:
    """One service: its folder is `services/<name>`, its settings begin with `PAYDOWN_<NAME>_`."""

    name: str
    port: int
    owns: str  # one phrase, for the table in services/README.md
    own_secrets: tuple[str, ...] = ()  # settings that only some services have
    encrypts: bool = False  # stores encrypted personal fields, so it has `seal_keys`
    signs_calls: bool = False  # calls the other services, each call signed
    rebuildable: bool = False  # `python -m services rebuild` makes its data again from its topics

    @property
    def database(self) -> str:
        """Its database under the usual prefix; the role that reads and writes has this name."""
        return f"{DATABASE_PREFIX}_{self.name}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The settings that are given as secrets."""
        seal_keys = ("seal_keys",) if self.encrypts else ()
        signing_keys = ("signing_keys",) if self.topics_out or self.signs_calls else ()
        # No secret, but it comes and changes with the keys that are.
        public_keys = ("public_keys",) if self.topics else ()
        return (
            "database_url",
            "internal_token",
            *seal_keys,
            *signing_keys,
            *public_keys,
            *self.own_secrets,
        )

    @property
    def topics_in(self) -> tuple[Topic, ...]:
        """The topics it consumes."""
        return tuple(topic for topic in TOPICS if self.name in topic.consumers)

    @property
    def topics_out(self) -> tuple[Topic, ...]:
        """The topics it produces."""
        return tuple(topic for topic in TOPICS if topic.producer == self.name)

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Every topic it produces or consumes."""
        return tuple(topic for topic in TOPICS if self.name in (topic.producer, *topic.consumers))

    @property
    def can_be_quarantined(self) -> bool:
        """Whether its database can be marked as restored from a backup.

        Only a service that publishes facts has something to recover from its topics.
        """
        return bool(facts_of(self.name))


SERVICES = (
    CatalogEntry(
        "ingest",
        8101,
        "files, batches, rows, issues, corrections, decisions, holds, claims, approvals",
        own_secrets=("index_key",),
        encrypts=True,
    ),
    CatalogEntry(
        "dispatcher",
        8102,
        "provider objects, payments, attempts, the rate limiter; "
        "the only one that talks to the provider",
        own_secrets=("provider_key", "webhook_secret"),
        encrypts=True,
    ),
    CatalogEntry("webhooks", 8103, "raw deliveries of the provider", own_secrets=("secret",)),
    CatalogEntry(
        "ledger",
        8104,
        "accounts, journals, entries, balances, reconciliation runs and breaks",
        rebuildable=True,
    ),
    CatalogEntry(
        "reports", 8105, "the read model and the reports", encrypts=True, rebuildable=True
    ),
    CatalogEntry(
        "gateway",
        8080,
        "the public API: sign-in, roles, idempotency keys, the audit log, notifications",
        encrypts=True,
        signs_calls=True,
    ),
)

NAMES = tuple(entry.name for entry in SERVICES)
ENCRYPTING = tuple(entry.name for entry in SERVICES if entry.encrypts)
QUARANTINABLE = tuple(entry.name for entry in SERVICES if entry.can_be_quarantined)
REBUILDABLE = tuple(entry.name for entry in SERVICES if entry.rebuildable)
SIGNING = tuple(entry.name for entry in SERVICES if "signing_keys" in entry.secrets)
ON_KAFKA = tuple(entry.name for entry in SERVICES if entry.topics)


def find(name: str) -> CatalogEntry:
    """The entry of a service.

    Raises:
        KeyError: there is no such service.
    """
    for entry in SERVICES:
        if entry.name == name:
            return entry
    raise KeyError(name)
