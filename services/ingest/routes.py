"""The internal HTTP of ingest: uploads, acts of people, and what is shown. HTTP statuses are chosen here and nowhere else."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine
from starlette.requests import ClientDisconnect

from libs.common.web import request_tracing
from libs.common.web.internal_auth import Actor, Caller
from libs.common.web.problem_details import Problem
from services.ingest import approvals, child_batches, roster_diff
from services.ingest.domain import Approval, Batch, Correction, Include, Refused, period_named
from services.ingest.settings import IngestSettings
from services.ingest.staging import Secrets, business_day
from services.ingest.store import batches as store
from services.ingest.store import queries
from services.ingest.store.queries import Page
from services.ingest.uploads import PIECE_BYTES, Damaged, DiskFull, Folder, Stored, TooLarge, Upload

STATUS = {"unknown": 404, "forbidden": 403, "conflict": 409, "invalid": 422}
ROLE_SENTENCES = {"preparer": "upload, correct or derive batches", "approver": "approve batches"}


class _Body(BaseModel):
    """A request body; an unknown field is an error, so that a misspelt one is not passed over."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class IncludeBody(_Body):
    """An excluded row to be paid all the same."""

    row_id: UUID
    reason: str = Field(min_length=1, max_length=1_000)


class ApproveBody(_Body):
    """An approval."""

    digest: str = Field(max_length=100)
    acknowledge: list[str] = Field(default=[], max_length=1_000)
    include: list[IncludeBody] = Field(default=[], max_length=100_000)


class ReasonBody(_Body):
    """An act that needs a reason."""

    reason: str = Field(min_length=1, max_length=1_000)


class CorrectionBody(_Body):
    """One field of one payor."""

    source_account_id: str
    field: str
    from_value: str = Field(alias="from")
    to_value: str = Field(alias="to", max_length=256)


class CorrectionsBody(_Body):
    """Corrections made together."""

    corrections: list[CorrectionBody] = Field(min_length=1, max_length=10_000)


class FilterBody(_Body):
    """All rows of one kind."""

    status: str


class ChildBody(_Body):
    """Which rows a child batch is to have: `rows` or `filter`."""

    rows: list[UUID] = Field(default=[], max_length=100_000)
    filter: FilterBody | None = None
    reason: str = Field(min_length=1, max_length=1_000)


@dataclass(frozen=True)
class Dependencies:
    """What the routes work with."""

    engine: Engine
    settings: IngestSettings
    folder: Folder
    secrets: Secrets


@contextmanager
def answering() -> Iterator[None]:
    """Turn what the rules refuse into an answer."""
    try:
        yield
    except Refused as refused:
        raise Problem(
            STATUS[refused.kind], refused.code, str(refused), refused.action, **refused.more
        ) from None


def allow(actor: Actor, *roles: str) -> None:
    """Raise 403 unless the person has one of the roles."""
    if not actor.person or not actor.roles.intersection(roles):
        does = " or ".join(ROLE_SENTENCES.get(role, role) for role in roles)
        raise Problem(
            403,
            "auth.forbidden",
            f"Only {' or '.join(roles)} may do this ({does}).",
            "Ask somebody with that role.",
        )


def known_id(text: str, what: str) -> UUID:
    """The id in an address; one that is no id belongs to nothing, so 404."""
    try:
        return UUID(text)
    except ValueError:
        raise Problem(
            404, f"{what}.unknown", f"There is no such {what}.", "Check the id."
        ) from None


def router(parts: Dependencies) -> APIRouter:
    """All routes of ingest."""
    made = APIRouter()
    caller = Depends(Caller(parts.settings.internal_token))
    _add_upload(made, parts, caller)
    _add_acts(made, parts, caller)
    _add_views(made, parts, caller)
    return made


def _add_upload(made: APIRouter, parts: Dependencies, caller: Any) -> None:
    @made.post("/batches", status_code=202)
    async def upload(
        request: Request,
        actor: Annotated[Actor, caller],
        filename: str = "",
        period: str = "",
        repeat_reason: str = "",
    ) -> dict[str, Any]:
        allow(actor, "preparer")
        now, batch_id = datetime.now(UTC), uuid4()
        with answering():
            first_day = period_named(period, business_day(now), parts.settings.period_anchor)
        stored = await _receive(request, parts, batch_id)
        batch = Batch(
            batch_id,
            batch_id,
            None,
            "reading",
            0,
            0,
            _plain(filename) or "roster.xml",
            first_day,
            actor.person,
            now,
        )
        try:
            await run_in_threadpool(_insert, parts.engine, batch, stored, _plain(repeat_reason))
        except Problem:
            stored.path.unlink(missing_ok=True)
            raise
        request_tracing.mark_created(request, batch_id)
        return {"batch_id": batch_id, "status": batch.status}


def _plain(text: str) -> str:
    """A short text of a user without control characters."""
    return "".join(c for c in text if c.isprintable()).strip()[:255]


async def _receive(request: Request, parts: Dependencies, batch_id: UUID) -> Stored:
    """Take the body to the disk, a piece at a time; whatever goes wrong leaves nothing behind."""
    settings = parts.settings
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in {"identity", "gzip"}:
        raise Problem(
            415,
            "upload.encoding",
            "The body is in an encoding that is not read here.",
            "Send it as it is, or as gzip.",
        )
    declared = request.headers.get("content-length", "0")
    length = int(declared) if declared.isdecimal() else 0
    if length > (settings.wire_max_bytes if encoding == "gzip" else settings.plain_max_bytes):
        raise _too_large("The file is larger than the limit.", settings)
    if not parts.folder.room_for(length):
        raise _disk_full()
    try:
        with Upload(
            parts.folder, encoding == "gzip", settings.wire_max_bytes, settings.plain_max_bytes
        ) as upload:
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
                    400,
                    "E_FILE_EMPTY",
                    "The file is empty.",
                    "Upload the roster as .xml or .xml.gz.",
                )
            return await run_in_threadpool(upload.keep, batch_id)
    except TooLarge as error:
        raise _too_large(str(error), settings) from None
    except Damaged as error:
        raise Problem(
            400, error.code, str(error), "Compress the roster again, or upload it as it is."
        ) from None
    except DiskFull:
        raise _disk_full() from None
    except ClientDisconnect:
        raise Problem(
            400,
            "upload.incomplete",
            "The upload ended before the file did; nothing was kept.",
            "Upload it again.",
        ) from None


def _too_large(message: str, settings: IngestSettings) -> Problem:
    limits = f"at most {settings.wire_max_bytes >> 20} MB compressed and {settings.plain_max_bytes >> 20} MB inflated"
    return Problem(413, TooLarge.code, message, f"Split the roster: {limits}.")


def _disk_full() -> Problem:
    return Problem(
        507,
        DiskFull.code,
        "There is no room for the file; nothing of it was kept.",
        "Tell the operator, and upload it again later.",
    )


def _insert(engine: Engine, batch: Batch, stored: Stored, repeat_reason: str) -> None:
    """Add the batch, unless its bytes are live in another one and no reason is given for the repeat."""
    with engine.begin() as connection:
        twin = None if repeat_reason else store.live_twin(connection, stored.sha256)
        if twin is None and store.insert(connection, batch, stored.sha256, repeat_reason):
            return
    if (
        twin is None
    ):  # somebody with the same bytes was quicker; the statement above waited for them
        with engine.connect() as connection:
            twin = store.live_twin(connection, stored.sha256)
    raise Problem(
        409,
        "upload.repeated",
        f"This very file is batch {twin} already.",
        "Look at that batch; to pay it again on purpose, upload it with a reason for the repeat.",
        batch_id=str(twin),
    )


def _add_acts(made: APIRouter, parts: Dependencies, caller: Any) -> None:
    @made.post("/batches/{batch_id}/approve")
    def approve(
        batch_id: str, body: ApproveBody, actor: Annotated[Actor, caller]
    ) -> dict[str, Any]:
        allow(actor, "approver")
        approval = Approval(
            actor.person,
            body.digest,
            frozenset(body.acknowledge),
            tuple(Include(one.row_id, one.reason) for one in body.include),
        )
        with answering():
            done = approvals.approve(
                parts.engine, known_id(batch_id, "batch"), approval, parts.settings.one_person
            )
        return {
            "batch_id": done.batch_id,
            "status": "approved",
            "digest": done.digest,
            "approved_by": done.approved_by,
            "approved_at": done.approved_at,
            "acknowledged": list(done.acknowledged),
            "payments": done.payments,
            "payments_cents": done.payments_cents,
        }

    @made.post("/batches/{batch_id}/discard")
    def discard(batch_id: str, body: ReasonBody, actor: Annotated[Actor, caller]) -> dict[str, Any]:
        allow(actor, "preparer", "approver")
        number = known_id(batch_id, "batch")
        with answering():
            done = approvals.discard(parts.engine, number, actor.person, body.reason)
        return {
            "batch_id": number,
            "status": "discarded",
            "discarded_by": done.discarded_by,
            "discarded_at": done.discarded_at,
            "reason": done.reason,
        }

    @made.post("/batches/{batch_id}/corrections")
    def correct(
        batch_id: str, body: CorrectionsBody, actor: Annotated[Actor, caller]
    ) -> dict[str, Any]:
        allow(actor, "preparer")
        corrections = [
            Correction(one.source_account_id, one.field, one.from_value, one.to_value)
            for one in body.corrections
        ]
        with answering():
            done = approvals.correct(
                parts.engine, known_id(batch_id, "batch"), corrections, actor.person
            )
        return {"batch_id": done.batch_id, "status": done.status, "revision": done.revision}

    @made.post("/batches/{batch_id}/child-batches", status_code=202)
    def derive(
        request: Request, batch_id: str, body: ChildBody, actor: Annotated[Actor, caller]
    ) -> dict[str, Any]:
        allow(actor, "preparer")
        kind = body.filter.status if body.filter else ""
        if bool(body.rows) == bool(kind) or kind not in {"", *child_batches.FILTERS}:
            raise Problem(
                422,
                "child.which-rows",
                f"Name either rows or a filter by status ({', '.join(child_batches.FILTERS)}).",
                "Send one of the two.",
            )
        wanted = child_batches.Wanted(frozenset(body.rows), kind, actor.person, body.reason)
        with answering(), parts.engine.begin() as connection:
            child = child_batches.derive(
                connection,
                known_id(batch_id, "batch"),
                uuid4(),
                wanted,
                parts.secrets,
                datetime.now(UTC),
            )
        request_tracing.mark_created(request, child.batch_id)
        return {"batch_id": child.batch_id, "status": child.status}


def _filters(request: Request) -> Mapping[str, str]:
    return {
        name: request.query_params[name]
        for name in queries.ROW_FILTERS
        if name in request.query_params
    }


def _add_views(made: APIRouter, parts: Dependencies, caller: Any) -> None:
    paged = Annotated[Page, Depends(Page)]

    @made.get("/batches", dependencies=[caller])
    def batches(page: paged, status: str = "", sha256: str = "") -> dict[str, Any]:
        with answering(), parts.engine.connect() as connection:
            return queries.batches(connection, page, status, sha256)

    @made.get("/batches/{batch_id}", dependencies=[caller])
    def batch(batch_id: str) -> dict[str, Any]:
        with answering(), parts.engine.connect() as connection:
            return queries.batch(connection, known_id(batch_id, "batch"))

    @made.get("/batches/{batch_id}/rows", dependencies=[caller])
    def rows(batch_id: str, page: paged, request: Request) -> dict[str, Any]:
        with answering(), parts.engine.connect() as connection:
            return queries.rows(connection, known_id(batch_id, "batch"), page, _filters(request))

    @made.get("/batches/{batch_id}/issues", dependencies=[caller])
    def issues(batch_id: str, page: paged, code: str = "", outcome: str = "") -> dict[str, Any]:
        with answering(), parts.engine.connect() as connection:
            return queries.issues(connection, known_id(batch_id, "batch"), page, code, outcome)

    @made.get("/batches/{batch_id}/changes", dependencies=[caller])
    def changed(batch_id: str, page: paged, kind: str = "") -> dict[str, Any]:
        with answering(), parts.engine.connect() as connection:
            return roster_diff.changes(connection, known_id(batch_id, "batch"), page, kind)

    @made.get("/payments/{payment_id}", dependencies=[caller])
    def payment(payment_id: str) -> dict[str, Any]:
        with answering(), parts.engine.connect() as connection:
            return queries.payment(connection, known_id(payment_id, "payment"))
