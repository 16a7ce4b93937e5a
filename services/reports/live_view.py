"""Live progress with Faust: counted in memory, last writer wins, read from offset 0 at each start.

It answers only while it has read at least as far on every partition as the database's own
consumers. Otherwise SQL answers, in the same shape. No report is made from it. Without Kafka this
view fails and nothing else does; a supervising task starts it again.
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
from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved, PaymentChanged
from libs.common.contracts.message import Message
from libs.common.contracts.registry import parse
from libs.common.messaging.address import KafkaAddress, client_settings
from libs.common.messaging.consumer import Verify
from libs.common.messaging.kafka import signature, text
from libs.common.observability.logs import log
from services.reports.domain.progress import Progress
from services.reports.store import queries

LIVE_TOPICS = (topics.BATCHES, topics.APPROVED_PAYMENTS, topics.STATUS_EVENTS)
CONSUMERS = [f"reports.{topic.name}" for topic in LIVE_TOPICS]
RESTART_S = 5.0
POLL_S = 1.0
STOP_S = 3.0
LIBRARIES = ("faust", "mode", "aiokafka")
#: Faust with nothing on disk, no leader, no group offsets and no web server.
APP_OPTIONS: dict[str, Any] = {
    "store": "memory://",
    "web_enabled": False,
    "autodiscover": False,
    "topic_disable_leader": True,
    "topic_allow_declare": False,
    "consumer_auto_offset_reset": "earliest",
    "stream_wait_empty": False,
    "broker_commit_interval": 60.0,
    "broker_commit_every": 10**6,
    "key_serializer": "raw",
    "value_serializer": "raw",
}


class LiveView:
    """One Faust app at a time, and what it has read.

    `lifespan` runs in the service's event loop; `snapshot` is called from request threads.
    """

    def __init__(self, bootstrap: str, verify: Verify) -> None:
        self.bootstrap, self.verify = bootstrap, verify
        self.lock = threading.Lock()
        self.requested = threading.Event()
        self.progress = Progress()
        self.next_offset: dict[tuple[str, int], int] = {}

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Supervise the view beside the service, which neither waits for it nor ends with it."""
        task = asyncio.create_task(self.supervise())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def snapshot(self, connection: Connection, batch_id: UUID) -> dict[str, Any] | None:
        """The batch as the live page shows it; None while this view is behind the database.

        The first call starts the view.
        """
        self.requested.set()
        stored = queries.consumer_offsets(connection, CONSUMERS)
        with self.lock:
            behind = any(
                self.next_offset.get(partition, 0) < offset for partition, offset in stored.items()
            )
            if behind or not stored:
                return None
            return self.progress.snapshot(batch_id, datetime.now(UTC))

    async def supervise(self) -> None:
        """Start the view whenever Kafka is reachable; after a failure start it again, empty."""
        for name in LIBRARIES:  # their tracebacks contain values; this module logs the failure
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        while not self.requested.is_set():  # noqa: ASYNC110 - set by threads; unused, it reads nothing
            await asyncio.sleep(POLL_S)
        # The import takes half a second, which no start of the service waits for.
        await asyncio.to_thread(importlib.import_module, "faust")
        while True:
            if await asyncio.to_thread(self.is_reachable):
                try:
                    await self.run_app()
                except Exception as error:  # noqa: BLE001 - the service goes on without this view
                    log.warning("live_view_failed", error=type(error).__name__)
            await asyncio.sleep(RESTART_S)

    def is_reachable(self) -> bool:
        """Whether Kafka answers and has the topics; Faust fails for good without them."""
        try:
            known = self._admin().list_topics(timeout=5.0).topics
        except KafkaException:
            return False
        return all(topic.name in known for topic in LIVE_TOPICS)

    async def run_app(self) -> None:
        """Run a new Faust app until it fails or this task is cancelled."""
        with self.lock:
            self.progress, self.next_offset = Progress(), {}
        app = self.build_app()
        app.finalize()
        try:
            await app.start()
            log.info("live_view_started")
            while not app.should_stop and not app.crashed:  # noqa: ASYNC110 - Faust has no event for it
                await asyncio.sleep(POLL_S)
        finally:
            with suppress(Exception):  # an error here must not replace the cancellation
                await asyncio.wait_for(app.stop(), STOP_S)
            await asyncio.to_thread(self.delete_group, app.conf.id)

    def build_app(self) -> Any:  # a faust.App; Faust has no types
        """A new app under a new name, so that it reads everything again."""
        import faust  # noqa: PLC0415 - see `supervise`

        broker = KafkaAddress.parse(self.bootstrap)
        # Nothing is stored in the folder, but Faust requires one.
        folder = Path(tempfile.gettempdir()) / f"paydown-live-{os.getuid()}"
        app = faust.App(
            f"live-{uuid4().hex}",
            datadir=str(folder),
            broker=";".join(f"kafka://{host}" for host in broker.hosts.split(",")),
            broker_credentials=faust.SSLCredentials(ssl_context(broker)) if broker.ca else None,
            **APP_OPTIONS,
        )
        for topic in LIVE_TOPICS:
            app.agent(
                app.topic(topic.name, key_serializer="raw", value_serializer="raw"),
                name=f"live-{topic.name}",
                concurrency=1,
            )(self.read)
        return app

    async def read(self, stream: Any) -> None:  # Faust has no types
        """Read one topic. Unreadable and unsigned messages are skipped: consumers bury them."""
        async for record in stream.events():
            message = record.message
            headers = dict(message.headers or {})
            with self.lock:
                with suppress(Reject):
                    type_name = text(headers.get("type"))
                    self.verify(
                        Message(
                            message.topic,
                            message.partition,
                            message.offset,
                            text(message.key),
                            type_name,
                            text(headers.get("event_id")),
                            message.value,
                            text(headers.get("correlation")),
                            signature=signature(headers.get("signature")),
                        )
                    )
                    self.apply(parse(type_name, message.value))
                self.next_offset[message.topic, message.partition] = message.offset + 1

    def apply(self, event: Event) -> None:
        """Count one event; a second call changes nothing."""
        match event:
            case BatchChanged():
                payments = (event.payments, event.payments_cents)
                self.progress.on_batch(
                    event.batch_id, event.version, event.status, payments, event.occurred_at
                )
            case PaymentApproved():
                self.progress.on_approved(
                    event.batch_id, event.payment_id, event.amount_cents, event.occurred_at
                )
            case PaymentChanged():
                change = (event.version, event.status)
                self.progress.on_changed(
                    event.batch_id, event.payment_id, change, event.occurred_at
                )
            case _:
                pass

    def delete_group(self, group: str) -> None:
        """Delete the consumer group of an app that has ended, if Kafka is reachable."""
        with suppress(KafkaException, TimeoutError):
            self._admin().delete_consumer_groups([group])[group].result(STOP_S)

    def _admin(self) -> AdminClient:
        return AdminClient({**client_settings(self.bootstrap), "log_level": 0})


def ssl_context(broker: KafkaAddress) -> ssl.SSLContext:
    """The certificates of an encrypted broker and of this service, as aiokafka expects them."""
    context = ssl.create_default_context(cafile=broker.ca)
    context.load_cert_chain(broker.cert, broker.key)
    return context
