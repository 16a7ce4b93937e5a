"""`POST /batches`: a roster is uploaded and becomes a batch."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Engine
from starlette.requests import ClientDisconnect

from libs.common.web import request_tracing
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import Problem
from services.ingest.domain.batch import Batch
from services.ingest.domain.pay_period import may_be_late, parse_period
from services.ingest.routes.context import Dependencies, request_errors, require_role
from services.ingest.schemas import answers
from services.ingest.settings import IngestSettings
from services.ingest.staging import business_day
from services.ingest.store import batches, periods
from services.ingest.uploads import (
    PIECE_BYTES,
    DiskFull,
    StoredFile,
    Upload,
    UploadDamaged,
    UploadTooLarge,
)

TEXT_MAX: Final = 255  # characters of a filename or a reason


def add_upload(router: APIRouter, dependencies: Dependencies, caller: Any) -> None:
    """Add the route."""

    @router.post("/batches", status_code=202)
    async def upload(
        request: Request,
        actor: Annotated[Actor, caller],
        filename: str = "",
        period: str = "",
        repeat_reason: str = "",
    ) -> dict[str, Any]:
        require_role(actor, "preparer")
        now, batch_id = datetime.now(UTC), uuid4()
        with request_errors():
            calendar = dependencies.calendar
            named = parse_period(period, business_day(now), calendar)
        stored = await receive(request, dependencies, batch_id)
        batch = Batch(
            batch_id=batch_id,
            family_id=batch_id,
            parent_batch_id=None,
            status="reading",
            filename=printable(filename) or "roster.xml",
            period=named.first,
            period_end=named.last,
            other_period=(
                calendar.before(named).first
                if not period and may_be_late(business_day(now), named)
                else None
            ),
            uploaded_by=actor.person,
            uploaded_at=now,
            content_sha256=stored.sha256,
        )
        try:
            batch = await run_in_threadpool(
                _insert, dependencies.engine, batch, stored.sha256, printable(repeat_reason)
            )
        except Problem:
            stored.path.unlink(missing_ok=True)
            raise
        request_tracing.mark_created(request, batch_id)
        return {
            "batch_id": batch_id,
            "status": batch.status,
            "period": batch.period,
            "period_choices": answers.period_choices(batch),
        }


def printable(text: str) -> str:
    """A short text of a user without control characters."""
    return "".join(c for c in text if c.isprintable()).strip()[:TEXT_MAX]


async def receive(request: Request, dependencies: Dependencies, batch_id: UUID) -> StoredFile:
    """Store the body, a piece at a time. If anything fails, no file is left behind."""
    settings = dependencies.settings
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in {"identity", "gzip"}:
        raise Problem(
            415,
            "upload.encoding",
            "The body has an encoding that is not supported.",
            "Send it without an encoding, or as gzip.",
        )
    declared = request.headers.get("content-length", "0")
    length = int(declared) if declared.isdecimal() else 0
    if length > (settings.wire_max_bytes if encoding == "gzip" else settings.plain_max_bytes):
        raise _too_large("The file is larger than the limit.", settings)
    if not dependencies.folder.has_space_for(length):
        raise _disk_full()
    try:
        with Upload(
            dependencies.folder,
            batch_id,
            encoding == "gzip",
            settings.wire_max_bytes,
            settings.plain_max_bytes,
        ) as upload:
            await _write_body(request, upload)
            return await run_in_threadpool(upload.store)
    except UploadTooLarge as error:
        raise _too_large(str(error), settings) from None
    except UploadDamaged as error:
        raise Problem(
            400, error.code, str(error), "Compress the roster again, or upload it uncompressed."
        ) from None
    except DiskFull:
        raise _disk_full() from None
    except ClientDisconnect:
        raise Problem(
            400,
            "upload.incomplete",
            "The upload ended before the file did; nothing was stored.",
            "Upload it again.",
        ) from None


async def _write_body(request: Request, upload: Upload) -> None:
    piece = bytearray()
    async for chunk in request.stream():
        piece += chunk
        if len(piece) >= PIECE_BYTES:
            await run_in_threadpool(upload.write, bytes(piece))
            piece.clear()
    if piece:
        await run_in_threadpool(upload.write, bytes(piece))
    if not upload.wire_bytes:
        raise Problem(
            400, "E_FILE_EMPTY", "The file is empty.", "Upload the roster as .xml or .xml.gz."
        )


def _too_large(message: str, settings: IngestSettings) -> Problem:
    limits = (
        f"at most {settings.wire_max_bytes >> 20} MB compressed "
        f"and {settings.plain_max_bytes >> 20} MB inflated"
    )
    return Problem(413, UploadTooLarge.code, message, f"Split the roster: {limits}.")


def _disk_full() -> Problem:
    return Problem(
        507,
        DiskFull.code,
        "There is no space for the file on the server; nothing of it was stored.",
        "Inform the operator, and upload it again later.",
    )


def _insert(engine: Engine, batch: Batch, content_sha256: str, repeat_reason: str) -> Batch:
    """Insert the batch, unless its bytes are live in another one and no reason is given.

    Returns:
        The batch as inserted. It has another choice of its period only if the period before has
        no approved batch.
    """
    with engine.begin() as connection:
        if batch.other_period and not periods.is_missing(
            connection, batch.other_period, batch.period
        ):
            batch = replace(batch, other_period=None)
        live = None if repeat_reason else batches.find_live_batch(connection, content_sha256)
        if live is None and batches.insert_batch(connection, batch, repeat_reason):
            return batch
    if live is None:  # a concurrent upload won; the insert waited for it
        with engine.connect() as connection:
            live = batches.find_live_batch(connection, content_sha256)
    raise Problem(
        409,
        "upload.repeated",
        f"This very file is batch {live} already.",
        "Look at that batch; to pay it again on purpose, upload it with a reason for the repeat.",
        batch_id=str(live),
    )
