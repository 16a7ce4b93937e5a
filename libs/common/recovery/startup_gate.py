"""How a service begins: it looks whether its database is an older copy of itself, is held if so, and only then starts its loops.

And the routes by which people see that and end it.
"""

from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event as Stop
from threading import Thread
from typing import Annotated, Any

from confluent_kafka import KafkaException
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.contracts.errors import Retry
from libs.common.contracts.topics import Topic, facts_of
from libs.common.database.engine import is_unavailable, run
from libs.common.database.identity import DatabaseIdentityGuard
from libs.common.messaging import topic_reader
from libs.common.observability.logs import frames, log
from libs.common.recovery import restore
from libs.common.recovery.restore import Beat, NotAllowed, NotRecovered, RecoverySteps
from libs.common.web.internal_auth import Actor, Caller
from libs.common.web.problem_details import Problem, problem_response

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PREFIX = "/restored"
STARTING = "It looks whether its database is whole; that takes as long as Kafka does not answer."
LOOK_S, HELD_S, WATCH_S, STUCK_S = 0.3, 1.0, 5.0, 60.0


@dataclass
class StartupGate:
    """Whether a service may decide anything. `closed` says why not: it has just begun, or its database is held; "" once it is open."""

    name: str
    engine: Engine
    bootstrap: str
    at_head: Callable[[], bool]
    recovery_steps: RecoverySteps = field(default_factory=RecoverySteps)
    closed: str = field(init=False)
    watched: DatabaseIdentityGuard = field(init=False)

    def __post_init__(self) -> None:
        self.closed = STARTING if self.says else ""
        self.watched = DatabaseIdentityGuard(self.engine)

    @property
    def says(self) -> list[Topic]:
        """The topics on which this service states facts. With none nothing rests on its database, and it is always open."""
        return facts_of(self.name)

    @property
    def held(self) -> str:
        """Why the database is held, in words; "" if it is not."""
        return "" if self.closed == STARTING else self.closed

    def wait(
        self,
        stop: Stop,
        beat: Beat,
        consumed: Collection[Topic],
        consume: Callable[[Stop], list[Thread]],
    ) -> None:
        """Return when the service is open, or stops.

        Args:
            consume: starts the consumers of the topics `consumed`, until the event it is given is set.
        """
        while self.closed and not stop.is_set():
            beat()
            if not self.at_head():  # another process is migrating it
                stop.wait(LOOK_S)
                continue
            with self.engine.connect() as connection:
                self.watched.check(connection)  # a held one may be put back once more
            if self.closed == STARTING:
                restore.detect_restore(self.engine, self.bootstrap, self.name, self.says)
            self.closed = self._sentence()
            if self.closed:
                try:
                    self._take_back(stop, beat, consumed, consume)
                except Exception as error:
                    if isinstance(error, (Retry, KafkaException)) or is_unavailable(error):
                        raise
                    log.critical(
                        "taking_back_is_stuck",
                        error=type(error).__name__,
                        code=getattr(error, "code", None),
                        traceback=frames(error),
                    )
                    restore.report_progress(
                        self.engine,
                        str(error)
                        if isinstance(error, restore.RecoveryBlocked)
                        else f"It cannot go on by itself ({type(error).__name__}); a person must look at the log of {self.name}.",
                    )
                    stop.wait(STUCK_S)
                stop.wait(HELD_S)

    def watch(self, stop: Stop, beat: Beat) -> None:
        """See to it that a service's database is not replaced under its feet; the process ends if it is, and begins again."""
        while not stop.wait(WATCH_S):
            beat()
            try:
                with self.engine.connect() as connection:
                    self.watched.check_and_advance(connection)
                if self.says and (why := self._sentence()):
                    self.watched.on_replaced(why)
            except SQLAlchemyError as error:
                if not is_unavailable(error):
                    raise

    def _sentence(self) -> str:
        with self.engine.connect() as connection:
            row = restore.open_quarantine(connection)
        return "" if row is None else str(row.why)

    def _take_back(
        self,
        stop: Stop,
        beat: Beat,
        consumed: Collection[Topic],
        consume: Callable[[Stop], list[Thread]],
    ) -> None:
        """Bring back what can be learnt, unless that is done or another replica is at it."""
        with restore.one_at_a_time(self.engine) as mine:
            with self.engine.connect() as connection:
                row = restore.open_quarantine(connection)
            if not mine or row is None or row.settled_at is not None:
                return
            restore.report_progress(self.engine, "Its own messages are taken back from the topics.")
            restore.recover_own_messages(self.engine, self.bootstrap, self.name, self.says, beat)
            self.recovery_steps.before(self.engine, row.first_outbox_id, beat)
            if self.recovery_steps.reads:
                restore.report_progress(
                    self.engine, "The topics it reads are read up to their ends."
                )
                self._catch_up(stop, beat, consumed, consume)
            if not stop.is_set():
                self.recovery_steps.after(self.engine, row.first_outbox_id, stop, beat)
            if not stop.is_set():
                restore.mark_recovered(self.engine)

    def _catch_up(
        self,
        stop: Stop,
        beat: Beat,
        consumed: Collection[Topic],
        consume: Callable[[Stop], list[Thread]],
    ) -> None:
        """Let the consumers work until each is where its topic ended when this began."""
        with closing(topic_reader.reader(self.bootstrap, f"{self.name}.restored")) as reader:
            ends = {
                (topic.name, p): high
                for topic in consumed
                for p, (_, high) in topic_reader.watermarks(reader, topic.name).items()
                if high
            }
        enough = Stop()
        threads = consume(enough)
        while not stop.wait(LOOK_S):
            beat()
            with self.engine.connect() as connection:
                at = {
                    (row.topic, row.partition): row.next_offset
                    for row in run(
                        connection, "SELECT topic, partition, next_offset FROM consumer_offset"
                    )
                }
            if all(at.get(place, 0) >= end for place, end in ends.items()):
                break
        enough.set()
        while any(thread.is_alive() for thread in threads) and not stop.wait(
            LOOK_S
        ):  # a consumer ends with the transaction it is in
            beat()


class Release(BaseModel):
    """Why the database may be used again."""

    reason: str = Field(min_length=1, max_length=500)


class ReadOnlyWhileClosed:
    """Refuses what would change something while a service is not open: `closed()` says why, "" once it is."""

    def __init__(self, app: ASGIApp, closed: Callable[[], str]) -> None:
        self.app, self.closed = app, closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 503."""
        if (
            scope["type"] != "http"
            or scope["method"] in SAFE
            or scope["path"].startswith(PREFIX)
            or not (why := self.closed())
        ):
            await self.app(scope, receive, send)
            return
        problem = Problem(
            503,
            "database.restored",
            f"This part of the system takes no orders now. {why}",
            "Two people look at it under Operations and release it; then try again.",
        )
        if why == STARTING:
            problem = Problem(
                503,
                "service.starting",
                f"This part of the system has just been started. {why}",
                "Try again in a few seconds.",
            )
        await problem_response(Request(scope), problem)(scope, receive, send)


def router(engine: Engine, token: str) -> APIRouter:
    """`GET /restored`, `POST /restored/release`."""
    routes = APIRouter(prefix=PREFIX)
    caller = Depends(Caller(token))

    @routes.get("", dependencies=[caller])
    def standing() -> dict[str, Any]:
        """The newest restore of this database, open or released; `held` says which. `why` is "" if there never was one."""
        with engine.connect() as connection:
            row = run(
                connection, "SELECT * FROM restored ORDER BY restored_id DESC LIMIT 1"
            ).first()
        if row is None:
            return {
                "held": False,
                "settled": False,
                "why": "",
                "progress": "",
                "noticed_at": None,
                "proposed_by": None,
                "released_by": None,
            }
        return {
            "held": row.released_at is None,
            "settled": row.settled_at is not None,
            "why": row.why,
            "progress": row.progress,
            "noticed_at": row.noticed_at,
            "proposed_by": row.proposed_by,
            "released_by": row.released_by,
        }

    @routes.post("/release")
    def let_go(order: Release, actor: Annotated[Actor, caller]) -> dict[str, str]:
        """Propose (`proposed`) or confirm (`released`) that a held database is used again."""
        try:
            with engine.begin() as connection:
                return {
                    "outcome": restore.release(
                        connection, actor.person, order.reason, approver="approver" in actor.roles
                    )
                }
        except NotRecovered as error:
            raise Problem(
                409,
                error.code,
                str(error),
                "Look at its progress, and try again when it has taken back what it can.",
            ) from None
        except NotAllowed as error:
            raise Problem(403, error.code, str(error), "Ask an approver.") from None

    return routes
