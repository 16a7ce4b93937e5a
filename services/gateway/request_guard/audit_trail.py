"""Record calls in the audit log: the intent before a call is carried out, the outcome after it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from fastapi import Request, Response
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.observability.logs import log
from libs.common.web.problem_details import Problem, request_id
from services.gateway.auth.people import Person
from services.gateway.domain.audit_chain import AuditEntry, AuditKind
from services.gateway.store import audit

OUTCOME_TRIES = 5
FIRST_PAUSE_S = 0.2
PATH_MAX, SUBJECT_MAX, ADDRESS_MAX = 300, 64, 64  # characters
NOBODY = Person("", "", frozenset())
T = TypeVar("T")


@dataclass(frozen=True)
class AuditTrail:
    """Writes to the gateway's own database on behalf of a request."""

    engine: Engine

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a transaction before anything else of a request is carried out.

        Raises:
            Problem: 503, the database does not answer, so nothing was done.
        """
        try:
            return await self._transact(work)
        except SQLAlchemyError as error:
            log.error("audit_away", error=type(error).__name__)
            raise Problem(
                503,
                "audit.away",
                "This cannot be recorded in the audit log at the moment, so it was not done.",
                "Try again in a few seconds.",
            ) from None

    async def record(self, entry: AuditEntry) -> None:
        """Add a line before anything else of a request is carried out.

        Raises:
            Problem: 503, as `write`.
        """
        await self.write(lambda connection: audit.append_line(connection, entry))

    async def record_outcome(
        self, entry: AuditEntry, also: Callable[[Connection], None] | None = None
    ) -> None:
        """Add the line of a call that was carried out, and do `also` in the same transaction.

        A database that stays away does not change the answer: the call has been carried out. The
        line `intent` then stands alone in the log.
        """

        def work(connection: Connection) -> None:
            audit.append_line(connection, entry)
            if also is not None:
                also(connection)

        for attempt in range(OUTCOME_TRIES):
            try:
                await self._transact(work)
            except SQLAlchemyError as error:
                log.error(
                    "outcome_not_written",
                    error=type(error).__name__,
                    attempt=attempt,
                    request_id=entry.request_id,
                    status=entry.status,
                )
                await asyncio.sleep(FIRST_PAUSE_S * 2**attempt)
            else:
                return

    async def _transact(self, work: Callable[[Connection], T]) -> T:
        def transaction() -> T:
            with self.engine.begin() as connection:
                return work(connection)

        return await asyncio.to_thread(transaction)


def audit_entry(
    request: Request,
    person: Person,
    kind: AuditKind,
    status: int | None = None,
    subject: str = "",
) -> AuditEntry:
    """A line for the audit log about a request.

    Args:
        subject: what the call is about; the first id in the path if empty.
    """
    return AuditEntry(
        at=datetime.now(UTC).isoformat(),
        kind=kind,
        request_id=request_id(request),
        person=person.id,
        roles=tuple(sorted(person.roles)),
        method=request.method,
        path=sent_path(request),
        status=status,
        subject=(subject or _path_subject(request))[:SUBJECT_MAX],
        via=person.via,
        address=caller_address(request),
    )


def caller_address(request: Request) -> str:
    """The address a request came from: that of its connection, or what a trusted proxy names."""
    return request.client.host[:ADDRESS_MAX] if request.client else ""


def sent_path(request: Request) -> str:
    """The path as it was sent, still percent-encoded. The query is left out: it may name people."""
    return bytes(request.scope["raw_path"]).decode("ascii", "replace")[:PATH_MAX]


def created_subject(response: Response) -> str:
    """The first id in a successful answer: of what was, or would be, made; "" if it has none."""
    if response.status_code >= 400:
        return ""
    try:
        found = json.loads(bytes(response.body))
    except ValueError:
        return ""
    if not isinstance(found, dict):
        return ""
    made = next((str(value) for name, value in found.items() if name.endswith("_id")), "")
    return f"dry run {made}".strip() if found.get("dry_run") else made


def _path_subject(request: Request) -> str:
    values = (str(value) for value in request.path_params.values())
    return next((value for value in values if value.isprintable()), "")
