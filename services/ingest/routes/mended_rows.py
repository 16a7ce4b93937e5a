"""Refused rows as a file, and mended rows as a child of their batch."""

from collections.abc import Generator
from datetime import UTC, datetime
from itertools import chain
from threading import BoundedSemaphore
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from libs.common.web import request_tracing
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import Problem
from services.ingest import mended_rows, refused_rows
from services.ingest.domain.batch import Batch
from services.ingest.mended_rows import MendedUpload
from services.ingest.roster.sandbox import read_in_child
from services.ingest.roster.xml_parser import ReadLimits
from services.ingest.routes.batch_upload import printable, receive
from services.ingest.routes.context import Dependencies, parse_id, request_errors, require_role
from services.ingest.staging import business_day
from services.ingest.store import batches

#: Each reads an uploaded file again, which takes a processor for some seconds.
DOWNLOADS_MAX: Final = 2


def add_mended_rows(router: APIRouter, dependencies: Dependencies, caller: Any) -> None:
    """Add the routes."""
    slots = BoundedSemaphore(DOWNLOADS_MAX)

    @router.get("/batches/{batch_id}/refused-rows.xml")
    def download(batch_id: str, actor: Annotated[Actor, caller]) -> StreamingResponse:
        require_role(actor, "preparer")
        known_id = parse_id(batch_id, "batch")
        pieces = _pieces(dependencies, known_id, slots)
        with request_errors():
            first = next(pieces)
        return _Download(
            first,
            pieces,
            media_type="application/xml",
            headers={"Content-Disposition": f'attachment; filename="refused-rows-{known_id}.xml"'},
        )

    @router.post("/batches/{batch_id}/mended-rows", status_code=202)
    async def upload(
        request: Request,
        batch_id: str,
        actor: Annotated[Actor, caller],
        filename: str = "",
        repeat_reason: str = "",
    ) -> dict[str, Any]:
        require_role(actor, "preparer")
        parent_id, child_id = parse_id(batch_id, "batch"), uuid4()
        with request_errors():
            await run_in_threadpool(_check_parent, dependencies, parent_id)
        stored = await receive(request, dependencies, child_id)
        made = MendedUpload(
            child_id,
            stored.sha256,
            printable(filename),
            actor.person,
            datetime.now(UTC),
            printable(repeat_reason),
        )
        try:
            with request_errors():
                child = await run_in_threadpool(_insert, dependencies, parent_id, made)
        except Problem:
            stored.path.unlink(missing_ok=True)
            raise
        request_tracing.mark_created(request, child_id)
        return {"batch_id": child.batch_id, "status": child.status}


class _Download(StreamingResponse):
    """A file in pieces, which are closed at once when the client leaves."""

    def __init__(self, first: bytes, rest: Generator[bytes, None, None], **more: Any) -> None:
        super().__init__(chain([first], rest), **more)
        self.rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.rest.close()


def _pieces(
    dependencies: Dependencies, batch_id: UUID, slots: BoundedSemaphore
) -> Generator[bytes, None, None]:
    """The file in pieces. From the first one to the last, or until it is closed, it has a slot.

    Checks come with the first piece: they read the whole uploaded file as well.
    """
    if not slots.acquire(blocking=False):
        raise _busy()
    today, folder = business_day(datetime.now(UTC)), dependencies.folder
    try:
        batch = refused_rows.check_refused_rows(dependencies.engine, batch_id, folder)
        with folder.open(batch_id, may_be_clear=True) as source:
            yield from refused_rows.write_refused_rows(
                dependencies.engine, batch, lambda: read_in_child(source, ReadLimits(), today)
            )
    finally:
        slots.release()


def _check_parent(dependencies: Dependencies, parent_id: UUID) -> None:
    with dependencies.engine.connect() as connection:
        mended_rows.check_parent(batches.get_batch(connection, parent_id))


def _insert(dependencies: Dependencies, parent_id: UUID, made: MendedUpload) -> Batch:
    with dependencies.engine.begin() as connection:
        return mended_rows.insert_child(connection, parent_id, made)


def _busy() -> Problem:
    return Problem(
        503,
        "refused-rows.busy",
        f"{DOWNLOADS_MAX} files of refused rows are being written just now. Nothing was changed.",
        "Try again in a minute.",
    )
