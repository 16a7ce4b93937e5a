"""The live progress view on Faust: in memory, last writer wins, read again from offset 0 at each start, and never needed.

It answers only while it is at least as far on every partition as the database's own consumers are; else SQL answers, with the same
shape. Nothing printed comes from here. Kafka away, now or later, costs this view and nothing else: a keeper starts it again.
"""

import asyncio
import importlib
import logging
import os
import ssl
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from fastapi import FastAPI
from sqlalchemy import Connection

from libs.common.contracts import topics
from libs.common.contracts.envelope import Event, parse
from libs.common.contracts.errors import Reject
from libs.common.contracts.events import BatchChanged, PaymentApproved, PaymentChanged
from libs.common.messaging.address import KafkaAddress, client_settings
from libs.common.observability.logs import log
from services.reports.domain.progress import Progress
from services.reports.store import queries

FOLLOWED = (topics.BATCHES, topics.APPROVED_PAYMENTS, topics.STATUS_EVENTS)
CONSUMERS = [f"reports.{topic.name}" for topic in FOLLOWED]
RESTART_S = 5.0
LOOK_S = 1.0
STOP_S = 3.0
LIBRARIES = ("faust", "mode", "aiokafka")


def context(broker: KafkaAddress) -> ssl.SSLContext:
    """The certificates of an encrypted broker and of our own, as aiokafka wants them."""
    made = ssl.create_default_context(cafile=broker.ca)
    made.load_cert_chain(broker.cert, broker.key)
    return made


class Live:
    """One Faust app at a time and what it has read. `lifespan` belongs to the service; `answer` is called from request threads."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.lock = threading.Lock()
        self.wanted = threading.Event()
        self.progress = Progress()
        self.next_offset: dict[tuple[str, int], int] = {}

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Run the keeper beside the service; the service neither waits for it nor ends with it."""
        keeper = asyncio.create_task(self.keep())
        try:
            yield
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    def answer(self, connection: Connection, batch_id: UUID) -> dict[str, Any] | None:
        """A snapshot of the batch, or None while this view is behind the database anywhere. The first question starts the view."""
        self.wanted.set()
        stored = queries.consumer_offsets(connection, CONSUMERS)
        with self.lock:
            if not stored or any(
                self.next_offset.get(place, 0) < offset for place, offset in stored.items()
            ):
                return None
            return self.progress.snapshot(batch_id, datetime.now(UTC))

    async def keep(self) -> None:
        """Start the view whenever Kafka is there; start it anew, from nothing, whenever it fails."""
        for name in LIBRARIES:
            logging.getLogger(name).setLevel(
                logging.CRITICAL + 1
            )  # they print tracebacks with values in them; we log that it failed
        while not self.wanted.is_set():  # noqa: ASYNC110 - set by request threads; a view nobody looks at reads nothing
            await asyncio.sleep(LOOK_S)
        await asyncio.to_thread(
            importlib.import_module, "faust"
        )  # half a second that no start of the service waits for
        while True:
            if await asyncio.to_thread(self.reachable):
                try:
                    await self.follow()
                except Exception as error:  # noqa: BLE001 - whatever befalls this view, the service goes on without it
                    log.warning("live_view_failed", error=type(error).__name__)
            await asyncio.sleep(RESTART_S)

    def reachable(self) -> bool:
        """Whether Kafka answers and has the topics; Faust itself does not bear their absence."""
        try:
            known = (
                AdminClient({**client_settings(self.bootstrap), "log_level": 0})
                .list_topics(timeout=5.0)
                .topics
            )
        except KafkaException:
            return False
        return all(topic.name in known for topic in FOLLOWED)

    async def follow(self) -> None:
        """One life of a Faust app: until it fails, or this task is cancelled."""
        with self.lock:
            self.progress, self.next_offset = Progress(), {}
        app = self.build()
        app.finalize()
        try:
            await app.start()
            log.info("live_view_started")
            while not app.should_stop and not app.crashed:  # noqa: ASYNC110 - Faust tells of a crash by a property only
                await asyncio.sleep(LOOK_S)
        finally:
            with suppress(
                Exception
            ):  # nothing here may take the place of the cancellation that brought us here
                await asyncio.wait_for(app.stop(), STOP_S)
            await asyncio.to_thread(self.forget, app.conf.id)

    def build(self) -> Any:  # a faust.App; Faust has no types
        """A new app under a new name, so that it reads everything again."""
        import faust  # noqa: PLC0415 - see `keep`

        broker = KafkaAddress.parse(self.bootstrap)
        servers = ";".join(f"kafka://{host}" for host in broker.hosts.split(","))
        ours = faust.SSLCredentials(context(broker)) if broker.ca else None
        folder = (
            Path(tempfile.gettempdir()) / f"paydown-live-{os.getuid()}"
        )  # nothing is kept in it, but Faust wants one
        app = faust.App(
            f"live-{uuid4().hex}",
            datadir=str(folder),
            broker=servers,
            broker_credentials=ours,
            store="memory://",
            web_enabled=False,
            autodiscover=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            consumer_auto_offset_reset="earliest",
            stream_wait_empty=False,
            broker_commit_interval=60.0,
            broker_commit_every=10**6,
            key_serializer="raw",
            value_serializer="raw",
        )
        for topic in FOLLOWED:
            app.agent(
                app.topic(topic.name, key_serializer="raw", value_serializer="raw"),
                name=f"live-{topic.name}",
                concurrency=1,
            )(self.read)
        return app

    async def read(self, stream: Any) -> None:  # Faust has no types
        """Take in one topic. A message that is not understood is passed over here; the database's consumer has buried it."""
        async for record in stream.events():
            message = record.message
            headers = dict(message.headers or {})
            with self.lock:
                with suppress(Reject):
                    self.take(parse(headers.get("type", b"").decode(), message.value))
                self.next_offset[message.topic, message.partition] = message.offset + 1

    def take(self, event: Event) -> None:
        """One event into the progress."""
        match event:
            case BatchChanged():
                self.progress.on_batch(
                    event.batch_id,
                    event.version,
                    event.status,
                    (event.payments, event.payments_cents),
                    event.occurred_at,
                )
            case PaymentApproved():
                self.progress.on_approved(
                    event.batch_id, event.payment_id, event.amount_cents, event.occurred_at
                )
            case PaymentChanged():
                self.progress.on_changed(
                    event.batch_id,
                    event.payment_id,
                    (event.version, event.status),
                    event.occurred_at,
                )
            case _:
                pass

    def forget(self, group: str) -> None:
        """Delete the group this life leaves behind, if Kafka is there to be asked."""
        with suppress(KafkaException, TimeoutError):
            AdminClient({**client_settings(self.bootstrap), "log_level": 0}).delete_consumer_groups(
                [group]
            )[group].result(STOP_S)
