"""Wires ingest and starts it: uploads and reviews over HTTP, a loop that reads, one that makes ready, one that tidies up, and the topics."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Stop

from sqlalchemy import Connection, Engine

from libs.common.contracts import topics
from libs.common.contracts.envelope import Event
from libs.common.contracts.events import DispatchChanged, PreflightDone
from libs.common.crypto.field_encryption import BlindIndex, FieldCipher
from libs.common.crypto.key_check import exit_on_wrong_keys
from libs.common.database.engine import run
from libs.common.runtime.service import Beat, Loop, Service, take_turns
from libs.common.runtime.settings import SettingsError, read_or_exit
from services.ingest import handlers, key_check, recovery, routes, staging
from services.ingest.finalize import settle_one
from services.ingest.roster.xml_parser import ReadLimits
from services.ingest.settings import IngestSettings
from services.ingest.staging import Secrets
from services.ingest.store import batches, payments
from services.ingest.uploads import Folder

POLL_S, TIDY_S = 0.2, 60.0
MIGRATIONS = Path(__file__).parent / "migrations"


def apply_preparation(connection: Connection, events: Sequence[Event]) -> None:
    """What the dispatcher says of batches: a preflight to make a batch ready with, and what it does with approved ones."""
    batches.keep_preflights(
        connection, [event for event in events if isinstance(event, PreflightDone)]
    )
    changes = handlers.on_dispatch_changed(
        event for event in events if isinstance(event, DispatchChanged)
    )
    batches.follow_dispatch(connection, changes, datetime.now(UTC))


def apply_postings(connection: Connection, events: Sequence[Event]) -> None:
    """What the ledger says: payments that ended free their rows and claims, a certificate ends its batch."""
    postings = handlers.on_postings(events)
    payments.end_payments(connection, postings.ended)
    for certificate in postings.certificates:
        batches.certify(connection, certificate, datetime.now(UTC))


def tidy(engine: Engine, folder: Folder, ready_days: int, archive_days: int) -> None:
    """Expire what nobody approved, end what only a dead letter kept from its end, archive what ended long ago, and remove files that never became a batch."""
    now = datetime.now(UTC)
    with engine.begin() as connection:
        batches.expire(
            connection,
            now - timedelta(days=ready_days),
            now,
            f"nobody approved it within {ready_days} days",
        )
        batches.complete(connection, batches.certified(connection), now)
        batches.archive(connection, now - timedelta(days=archive_days), now)
        known = run(connection, "SELECT batch_id FROM batch").scalars().all()
    folder.clean(known)


def secrets_of(settings: IngestSettings) -> Secrets:
    """The keys in the settings.

    Raises:
        SettingsError: they cannot be used; the keys are not repeated.
    """
    try:
        return Secrets(FieldCipher.parse(settings.seal_keys), BlindIndex.parse(settings.index_key))
    except ValueError as error:
        raise SettingsError(
            f"PAYDOWN_INGEST_SEAL_KEYS or PAYDOWN_INGEST_INDEX_KEY is not usable: {error}."
        ) from None


def build(settings: IngestSettings) -> Service:
    """The service with all its parts, not started."""
    service = Service("ingest", settings, MIGRATIONS)
    folder, secrets = Folder(settings.files_dir), secrets_of(settings)
    folder.prepare()
    folder.clean()
    limits = ReadLimits(
        rows=settings.rows_max,
        inflated_bytes=settings.plain_max_bytes,
        amount_cents=settings.amount_max_cents,
    )
    reading = staging.Reading(folder.of, secrets, limits)

    def read(stop: Stop, beat: Beat) -> None:
        key_check.check(service.engine, secrets)  # again: at start the database may have been away
        take_turns([lambda: staging.read_one(service.engine, reading, beat)], stop, beat, POLL_S)

    def check(stop: Stop, beat: Beat) -> None:
        take_turns([lambda: settle_one(service.engine)], stop, beat, POLL_S)

    def tidying(stop: Stop, beat: Beat) -> None:
        take_turns(
            [lambda: tidy(service.engine, folder, settings.ready_days, settings.archive_days)],
            stop,
            beat,
            TIDY_S,
        )

    service.startup_gate.recovery_steps = recovery.recovery_steps(secrets)
    service.loops += [Loop("read", read), Loop("check", check), Loop("tidy", tidying)]
    service.consumer(topics.PREPARATION, apply_preparation)
    service.consumer(topics.LEDGER_POSTINGS, apply_postings)
    service.relay()
    service.dead_letters(batches.ineligible_approvers)
    service.routers.append(
        routes.router(routes.Dependencies(service.engine, settings, folder, secrets))
    )
    return service


def main() -> None:
    """Run until SIGTERM; exit code 2 and one sentence when the settings cannot be used, or are not those of the database."""
    settings = read_or_exit(IngestSettings)
    try:
        service = build(settings)
    except (SettingsError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    exit_on_wrong_keys(lambda: key_check.check(service.engine, secrets_of(settings)))
    service.serve()
