"""The pump: claim work and write its intents (commit), call the provider without a transaction, write the answers (commit)."""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event as Stop
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.database.engine import is_unavailable
from libs.common.observability import tracing
from libs.common.observability.logs import log
from libs.common.runtime.service import Beat
from services.dispatcher.domain.protocol import Answer, Timing
from services.dispatcher.provider.client import Provider

IDLE_S = 0.2


@dataclass(frozen=True)
class Call:
    """One attempt ready to be sent: its intent is committed. `fence` tells a late answer from the newest owner's."""

    subject_id: UUID
    n: int
    fence: int
    path: str
    idempotency_key: UUID
    body: str
    prefix: str
    expected: dict[str, Any]
    batch_id: str = ""  # "" for what no single batch asks for


class Work(Protocol):
    """What a pump works on."""

    name: str
    timing: Timing

    def claim(self, connection: Connection, limit: int) -> Sequence[Call]:
        """Take up to `limit` pieces of work and write their intents, in the caller's transaction."""

    def settle(self, connection: Connection, answers: Sequence[tuple[Call, Answer]]) -> None:
        """Write what came back, in the caller's transaction; an answer of a stale owner is dropped."""


def pump(
    work: Work,
    engine: Engine,
    provider: Provider,
    concurrency: int,
    stop: Stop,
    beat: Beat,
    same: Callable[[Connection], object],
) -> None:
    """Work until `stop`; what is in flight then is still recorded. A crash loses nothing: the intent is there, the key is the same.

    `same` ends the process if the database is not the one it was.
    """
    flying: dict[Future[tuple[Answer, Any]], Call] = {}
    answers: list[tuple[Call, Answer]] = []
    with ThreadPoolExecutor(concurrency, thread_name_prefix=work.name) as threads:
        while flying or answers or not stop.is_set():
            beat()
            if flying:
                done = wait(flying, timeout=0.05, return_when=FIRST_COMPLETED).done
                answers.extend((flying.pop(future), future.result()[0]) for future in done)
            try:
                if answers:
                    with engine.begin() as connection:
                        work.settle(connection, answers)
                    answers = []
                free = concurrency - len(flying)
                if stop.is_set() or free * 2 < concurrency:
                    continue
                until = time.monotonic() + work.timing.send_within_s
                with engine.begin() as connection:
                    if calls := work.claim(connection, free):
                        same(
                            connection
                        )  # after the claim: it may have waited for who puts other tables in the place of these
            except SQLAlchemyError as error:
                if not is_unavailable(error):
                    raise
                log.warning("worker_without_database", loop=work.name, error=type(error).__name__)
                stop.wait(0.5)
                continue
            for call in calls:
                flying[threads.submit(send_in_time, provider, call, until)] = call
            if not flying:
                stop.wait(IDLE_S)


def send_in_time(provider: Provider, call: Call, until: float) -> tuple[Answer, Any]:
    """Send a claimed call, unless it is too late for it (`until`, by the monotonic clock).

    A process may stand still between its intent and its call. When it wakes, others may have looked, found nothing, and paid anew.
    """
    if time.monotonic() > until:
        log.warning(
            "call_too_late",
            loop=call.path,
            **(
                {"batch_id": call.batch_id, "payment_id": str(call.subject_id)}
                if call.batch_id
                else {}
            ),
        )
        return Answer(None), None
    with tracing.work(
        f"POST {call.path}",
        call.batch_id,
        "client",
        {"paydown.payment_id": str(call.subject_id), "paydown.attempt": call.n},
    ) as span:
        answer, response = provider.send(
            "POST", call.path, call.body.encode(), str(call.idempotency_key)
        )
        if span is not None:
            span.update(
                {"http.request.method": "POST", "server.address": provider.client.base_url.host}
                | outcome(answer)
            )
    return answer, response


def outcome(answer: Answer) -> dict[str, str | int]:
    """What a span tells of an answer: its status, or that none came."""
    if answer.status is None:
        return {tracing.ERROR: "no_answer"}
    return {"http.response.status_code": answer.status} | (
        {tracing.ERROR: str(answer.status)} if answer.status >= 400 else {}
    )


def canonical(body: dict[str, Any]) -> str:
    """The bytes that are frozen and sent: one body has one text."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
