"""Checks of the world around a service, at start and every five minutes.

Nothing here stops a service: each check is one sentence for people in /ops/health, and their number
is a metric. A check that cannot be made says so only in the log: its own alert tells that the
database or the broker is away.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Stop

from confluent_kafka import KafkaException
from cryptography import x509
from sqlalchemy.exc import SQLAlchemyError

from libs.common.database.engine import certificates_in
from libs.common.messaging.address import KafkaAddress
from libs.common.messaging.error_text import describe
from libs.common.observability.logs import log

EVERY_S, BEAT_S = 300.0, 10.0
CERTIFICATE_DAYS = 30
DISK_FREE_SHARE, DISK_FREE_BYTES = 0.10, 2 << 30
#: A sentence for each check by its name; "" where nothing is wrong.
Check = Callable[[], Mapping[str, str]]


@dataclass
class WorldChecks:
    """The checks of one service, and what they found last."""

    checks: list[Check] = field(default_factory=list)
    found: dict[str, str] = field(default_factory=dict)

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Check every five minutes until `stop`."""
        left_s = 0.0
        while not stop.is_set():
            beat()
            if left_s <= 0:
                self.check_all()
                left_s = EVERY_S
            stop.wait(BEAT_S)
            left_s -= BEAT_S

    def check_all(self) -> None:
        """Make every check once. One that cannot be made keeps what it found before."""
        for check in self.checks:
            try:
                now = check()
            except (SQLAlchemyError, KafkaException, TimeoutError, OSError, ValueError) as error:
                log.warning("world_check_failed", next="again in 5 minutes", **describe(error))
                continue
            for name, sentence in now.items():
                if sentence and sentence != self.found.get(name):
                    log.warning("world_check", name=name, reason=sentence)
            self.found |= now

    def sentences(self) -> dict[str, str]:
        """What is wrong now, by the check's name."""
        return {name: sentence for name, sentence in self.found.items() if sentence}


def check_disk(folders: Sequence[Path]) -> dict[str, str]:
    """Whether the disks under these folders are nearly full."""
    found = {}
    for folder in folders:
        usage = shutil.disk_usage(folder)
        full = usage.free < min(usage.total * DISK_FREE_SHARE, DISK_FREE_BYTES)
        found[f"disk of {folder}"] = (
            f"The disk under {folder} has {usage.free / 2**30:.1f} GB free of "
            f"{usage.total / 2**30:.0f}. Uploads and logs are refused when it is full."
            if full
            else ""
        )
    return found


def certificate_files(kafka: str, database_url: str) -> list[Path]:
    """The certificates that the addresses of Kafka and of the database name."""
    address = KafkaAddress.parse(kafka)
    names = (address.ca, address.cert, *certificates_in(database_url))
    return [Path(name) for name in names if name]


def check_certificates(files: Sequence[Path], now: datetime | None = None) -> dict[str, str]:
    """Whether a certificate ends within thirty days.

    Raises:
        OSError, ValueError: a file cannot be read.
    """
    now = now or datetime.now(UTC)
    found = {}
    for file in files:
        ends = min(
            one.not_valid_after_utc for one in x509.load_pem_x509_certificates(file.read_bytes())
        )
        found[f"certificate {file.name}"] = (
            f"The certificate {file.name} ends on {ends:%Y-%m-%d}. Renew it and restart."
            if ends - now < timedelta(days=CERTIFICATE_DAYS)
            else ""
        )
    return found
