"""Wires ingest and starts it: HTTP, three loops (read, check, tidy), and two topics."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Stop

from libs.common.contracts import topics
from libs.common.contracts.errors import SettingsError
from libs.common.crypto.key_check import exit_on_wrong_keys
from libs.common.messaging.consumer import Beat
from libs.common.runtime.loops import Loop, take_turns
from libs.common.runtime.service import Service
from libs.common.runtime.settings import read_or_exit
from libs.common.runtime.world_checks import check_disk
from services.ingest import (
    consumers,
    finalize,
    forgotten_people,
    key_check,
    metrics,
    recovery,
    registry,
    staging,
)
from services.ingest.domain.pay_period import PayCalendar
from services.ingest.domain.roster_warnings import Thresholds
from services.ingest.double_approvals import DoubleApprovals
from services.ingest.encryption import FieldEncryption
from services.ingest.file_checks import FileChecks
from services.ingest.file_encryption import encrypt_again
from services.ingest.housekeeping import remove_old_files, run_housekeeping
from services.ingest.roster.xml_parser import ReadLimits
from services.ingest.routes.context import Dependencies
from services.ingest.routes.router import build_router
from services.ingest.settings import IngestSettings
from services.ingest.staging import RosterReader
from services.ingest.store import batches, periods
from services.ingest.store.files import list_files
from services.ingest.uploads import UploadFolder
from services.ingest.year_limit import limits_of

POLL_S, TIDY_S = 0.2, 60.0
MIGRATIONS = Path(__file__).parent / "migrations"


def build(settings: IngestSettings) -> Service:
    """The service with all its parts, not started.

    Raises:
        SettingsError: the keys cannot be used.
        OSError: the folder of uploads cannot be used.
    """
    service = Service("ingest", settings, MIGRATIONS)
    encryption = FieldEncryption.parse(settings.seal_keys, settings.index_key)
    folder = UploadFolder(settings.files_dir, encryption.cipher)
    folder.create()
    folder.remove_leftovers()
    service.startup_gate.recovery_steps = recovery.recovery_steps(encryption)
    service.loops += _loops(service, settings, folder, encryption)
    service.add_consumer(topics.PREPARATION, consumers.apply_preparation)
    service.add_consumer(topics.LEDGER_POSTINGS, consumers.apply_postings)
    service.world.checks.append(FileChecks(service.engine, folder).check)
    service.world.checks.append(DoubleApprovals(service.engine).check)
    service.gauges |= metrics.gauges(service.engine)
    service.add_relay()
    service.add_dead_letter_routes(batches.list_contributors)
    service.world.checks.append(lambda: check_disk([settings.files_dir]))
    service.routers.append(build_router(Dependencies(service.engine, settings, folder, encryption)))
    return service


def _loops(
    service: Service, settings: IngestSettings, folder: UploadFolder, encryption: FieldEncryption
) -> list[Loop]:
    engine = service.engine
    limits = ReadLimits(
        rows=settings.rows_max,
        inflated_bytes=settings.plain_max_bytes,
        amount_cents=settings.amount_max_cents,
    )
    unusual = Thresholds(
        amount_times=settings.unusual_amount_times,
        total_percent=settings.unusual_total_percent,
        people_percent=settings.unusual_people_percent,
        source_times=settings.unusual_source_times,
        year=limits_of(settings),
    )
    reader = RosterReader(folder.open, encryption, limits)

    def read(stop: Stop, beat: Beat) -> None:
        periods.record_calendar(
            engine, PayCalendar(settings.pay_calendar, settings.period_anchor), datetime.now(UTC)
        )
        key_check.check(engine, encryption)  # the database may have been away at the start
        with engine.connect() as connection:
            known = list_files(connection)
        encrypt_again(folder, known, beat)  # files of an older version, or under an older key
        registry.fill_all(engine, encryption, beat)
        forgotten_people.overwrite_all(engine, encryption, folder, beat)
        turns = [lambda: staging.read_next(engine, reader, beat)]
        take_turns(turns, stop, beat, POLL_S, service.work)

    def check(stop: Stop, beat: Beat) -> None:
        key_check.check(engine, encryption)
        registry.fill_all(engine, encryption, beat)
        take_turns(
            [
                lambda: registry.fill_next(engine, encryption),
                lambda: finalize.finalize_next(engine, unusual),
            ],
            stop,
            beat,
            POLL_S,
            service.work,
        )

    def tidy_up() -> None:
        run_housekeeping(engine, folder, settings.ready_days, settings.archive_days)
        remove_old_files(engine, folder, settings.files_days)

    def tidy(stop: Stop, beat: Beat) -> None:
        take_turns([tidy_up], stop, beat, TIDY_S)

    return [Loop("read", read), Loop("check", check), Loop("tidy", tidy)]


def main() -> None:
    """Run until SIGTERM.

    Exit code 2 and one sentence if the settings cannot be used, or if the keys in them are not
    those of the database.
    """
    settings = read_or_exit(IngestSettings)
    try:
        service = build(settings)
        encryption = FieldEncryption.parse(settings.seal_keys, settings.index_key)
    except (SettingsError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    exit_on_wrong_keys(lambda: key_check.check(service.engine, encryption))
    service.serve()
