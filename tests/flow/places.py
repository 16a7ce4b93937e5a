"""Every place of a running system where bytes are kept or shown, for the search for canaries."""

import io
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
from confluent_kafka import OFFSET_BEGINNING, TopicPartition
from sqlalchemy import create_engine, text

from devtools.stack import backup, postgres
from devtools.stack.stack import Stack
from libs.common.messaging.topic_reader import reader, watermarks
from ops import provision
from services import catalog
from tests.flow.canaries import unpacked
from tests.flow.harness import System

Place = tuple[str, bytes]


def tables(stack: Stack) -> Iterator[Place]:
    """Every column of every table of every service."""
    for service in catalog.NAMES:
        name = provision.Names.of(service, stack.prefix).database
        engine = create_engine(backup.database_url(stack.admin_url(), name))
        with engine.connect() as connection:
            found = connection.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
            )
            for (table,) in found.all():
                rows = connection.execute(text(f'SELECT * FROM "{table}"')).all()
                values = (inner for row in rows for v in row for inner in _bytes_of(v))
                yield f"table {service}.{table}", b"\n".join(values)
        engine.dispose()


def column(stack: Stack, service: str, statement: str) -> list[str]:
    """The first column of what a service's database answers."""
    name = provision.Names.of(service, stack.prefix).database
    engine = create_engine(backup.database_url(stack.admin_url(), name))
    with engine.connect() as connection:
        found = [str(value) for value in connection.execute(text(statement)).scalars()]
    engine.dispose()
    return found


def _bytes_of(value: object) -> Iterator[bytes]:
    if isinstance(value, memoryview | bytes):
        yield from unpacked(bytes(value))
    elif value is not None:
        yield str(value).encode()


def as_bytes(part: str | bytes | None) -> bytes:
    """A part of a message as bytes."""
    return part.encode() if isinstance(part, str) else part or b""


def topics(stack: Stack) -> Iterator[Place]:
    """Key, value and headers of every message of every topic that the broker has."""
    consumer = reader(stack.ports.address("kafka"))
    try:
        for topic in consumer.list_topics(timeout=10).topics:
            ends = watermarks(consumer, topic)
            left = sum(end - begin for begin, end in ends.values())
            consumer.assign([TopicPartition(topic, n, OFFSET_BEGINNING) for n in ends])
            yield f"topic {topic}", b""
            while left > 0:
                record = consumer.poll(5)
                if record is None:
                    break  # compacted, or markers of transactions
                left -= 1
                headers = dict(record.headers() or []).values()
                parts = (record.key(), record.value(), *headers)
                yield f"topic {topic}", b" ".join(as_bytes(part) for part in parts)
    finally:
        consumer.close()


def disk(stack: Stack) -> Iterator[Place]:
    """Every file below the state of a stack; not the provider's stand-in's own books."""
    for folder in (stack.state, *postgres.stored_in(stack.state)):
        for file in folder.rglob("*"):
            if not file.is_file() or file.is_symlink():
                continue
            at = file.relative_to(folder).parts
            if at[0] == "simulator" and "books" in file.name:
                continue
            if file.suffix == ".log" and "data" not in at and "pg_wal" not in at:
                place = f"log {file.name}"
            elif folder != stack.state or at[0] == "postgres":
                place = "disk of postgres"
            elif at[0] == "files":
                place = "uploaded file"
            else:
                place = f"disk of {at[0]}"
            try:
                yield place, file.read_bytes()
            except FileNotFoundError:
                continue


def processes() -> Iterator[Place]:
    """Arguments and environment of every process that can be read."""
    for folder in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                yield f"process {name}", (folder / name).read_bytes()
            except (OSError, PermissionError):
                continue


def shown(system: System) -> Iterator[Place]:
    """What anybody sees who may read metrics and health."""
    for name in catalog.NAMES:
        for path in ("metrics", "health", "health/ready"):
            answer = httpx.get(f"{system.stack.ports.url(name)}/{path}")
            yield f"answer of {path}", answer.content


def saved_copy(stack: Stack, folder: Path) -> Iterator[Place]:
    """A copy as `make backup` makes it; the dumps also as the SQL that they hold."""
    backup.save(stack, folder, lambda _text: None)
    restore = postgres.choose_binaries(stack.state / "no-data") / "pg_restore"
    for file in folder.rglob("*"):
        if file.suffix == ".dump":
            made = subprocess.run([restore, "-f", "-", file], capture_output=True, check=True)
            yield f"backup {file.stem}", made.stdout
        elif file.is_file():
            yield f"backup of {file.parent.name}", file.read_bytes()


def exports(system: System, batch_id: str) -> Iterator[Place]:
    """Every file of the archive of reports."""
    content = system.get(f"/batches/{batch_id}/reports/all.zip").content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            for inner in unpacked(archive.read(name)):
                yield f"export {name}", inner
