"""The route on a real database: stored before it is answered, once; rejections are recorded."""

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import Connection, Engine

from libs.common.database import migrate
from libs.common.database.engine import connect, run
from libs.common.runtime.service import Service
from services.webhooks import app, group_commit, routes
from services.webhooks.domain import Delivery, VerifiedDelivery
from services.webhooks.settings import WebhooksSettings
from services.webhooks.store.deliveries import insert_deliveries

pytestmark = pytest.mark.database
SECRET = "a-secret-of-some-length"
Send = Callable[[httpx.AsyncClient], Awaitable[None]]


@pytest.fixture(scope="module")
def url(make_database: Callable[[str], tuple[str, str]]) -> str:
    _, owner = make_database("webhooks")
    migrate.upgrade(owner, app.MIGRATIONS)
    return owner


@pytest.fixture
def service(url: str) -> Iterator[Service]:
    settings = WebhooksSettings(
        database_url=url, internal_token="i" * 16, secret=SECRET, security_events_max=5
    )
    made = app.build(settings)
    # There is no broker here; the relay has tests of its own.
    made.loops = [loop for loop in made.loops if loop.name == "group-commit"]
    with made.engine.begin() as connection:
        run(connection, "TRUNCATE delivery, outbox, security_event")
    yield made
    made.engine.dispose()


def delivery(event: str = "evt_1", **changed: str) -> bytes:
    return json.dumps(
        {"event": event, "type": "payment.update", "op": "update", "id": "pmt_1"} | changed
    ).encode()


def headers(body: bytes, age_s: int = 0, secret: str = SECRET) -> dict[str, str]:
    timestamp = str(int(time.time()) - age_s)
    return {
        "method-webhook-timestamp": timestamp,
        "method-webhook-signature": hmac.new(
            secret.encode(), f"{timestamp}:".encode() + body, hashlib.sha256
        ).hexdigest(),
    }


def within(service: Service, work: Send) -> None:
    """Run the service and call `work` with a client of it."""
    application = service.app()

    async def main() -> None:
        async with application.router.lifespan_context(application):
            transport = httpx.ASGITransport(application)
            async with httpx.AsyncClient(transport=transport, base_url="http://webhooks") as client:
                await work(client)

    asyncio.run(main())


def post(client: httpx.AsyncClient, body: bytes, **options: int | str) -> Awaitable[httpx.Response]:
    return client.post("/webhooks/method", content=body, headers=headers(body, **options))  # type: ignore[arg-type] # options by name


def rows(engine: Engine, sql: str) -> Sequence[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in run(connection, sql)]


def test_a_delivery_is_stored_with_its_message_before_it_is_answered(service: Service) -> None:
    body = delivery()

    async def work(client: httpx.AsyncClient) -> None:
        assert (await post(client, body)).status_code == 200
        assert [
            (bytes(raw), kind)  # type: ignore[call-overload] # columns of a row
            for raw, kind in rows(service.engine, "SELECT body, webhook_type FROM delivery")
        ] == [(body, "payment.update")]
        assert rows(service.engine, "SELECT topic, message_key, message_type FROM outbox") == [
            ("provider-events", "pmt_1", "provider-event-received.v1")
        ]

    within(service, work)


def test_a_redelivery_is_a_no_op_also_after_a_death_between_the_commit_and_the_answer(
    service: Service,
) -> None:
    body = delivery("evt_7")
    # What the process had committed when it died, before it could answer.
    with service.engine.begin() as connection:
        insert_deliveries(
            connection,
            [
                VerifiedDelivery(
                    Delivery("evt_7", "payment.update", "pmt_1"), body, datetime.now(UTC)
                )
            ],
        )
    before = rows(service.engine, "SELECT d.*, o.* FROM delivery d, outbox o")

    async def work(client: httpx.AsyncClient) -> None:
        for age_s in (0, 30):
            assert (await post(client, body, age_s=age_s)).status_code == 200

    within(service, work)
    assert rows(service.engine, "SELECT d.*, o.* FROM delivery d, outbox o") == before


def test_many_at_once_with_every_one_twice_are_stored_once_each(service: Service) -> None:
    bodies = [delivery(f"evt_{n}", id=f"pmt_{n}") for n in range(200)] * 2

    async def work(client: httpx.AsyncClient) -> None:
        answers = await asyncio.gather(*(post(client, body) for body in bodies))
        assert {a.status_code for a in answers} == {200}

    within(service, work)
    assert rows(
        service.engine, "SELECT (SELECT count(*) FROM delivery), (SELECT count(*) FROM outbox)"
    ) == [(200, 200)]


def test_an_unknown_type_is_stored_and_one_without_an_object_is_not_published(
    service: Service,
) -> None:
    async def work(client: httpx.AsyncClient) -> None:
        assert (await post(client, delivery("evt_1", type="moon.landing"))).status_code == 200
        assert (
            await post(client, delivery("evt_2", type="connect.ended", id=""))
        ).status_code == 200

    within(service, work)
    assert rows(service.engine, "SELECT webhook_type FROM delivery ORDER BY 1") == [
        ("connect.ended",),
        ("moon.landing",),
    ]
    assert rows(service.engine, "SELECT count(*) FROM outbox") == [(1,)]


def test_unverified_deliveries_are_refused_and_the_newest_are_stored(service: Service) -> None:
    async def work(client: httpx.AsyncClient) -> None:
        body = delivery()
        for _ in range(3):
            answers = [
                await post(client, body, secret="not-the-secret-we-share"),
                await post(client, body, age_s=301),
                await client.post("/webhooks/method", content=body),
            ]
            assert [a.status_code for a in answers] == [401, 401, 401]
            assert [a.json()["code"] for a in answers] == [
                "webhook.forged",
                "webhook.stale",
                "webhook.unsigned",
            ]

    within(service, work)
    assert rows(service.engine, "SELECT count(*) FROM delivery") == [(0,)]
    stored = rows(
        service.engine, "SELECT code, body_sha256 FROM security_event ORDER BY security_event_id"
    )
    assert [code for code, _ in stored] == [
        "webhook.stale",
        "webhook.unsigned",
        "webhook.forged",
        "webhook.stale",
        "webhook.unsigned",
    ]
    assert {digest for _, digest in stored} == {hashlib.sha256(delivery()).hexdigest()}


def test_a_signed_but_unreadable_delivery_is_400_and_a_long_one_413(service: Service) -> None:
    async def work(client: httpx.AsyncClient) -> None:
        assert (await post(client, b"nonsense")).status_code == 400
        assert (await post(client, b"x" * 65_537)).status_code == 413
        assert (await post(client, delivery(op="x" * 65_000))).status_code == 200

    within(service, work)


def test_a_database_that_is_away_is_503_and_nothing_is_lost_when_it_is_back(
    service: Service,
) -> None:
    broken = connect("postgresql+psycopg2://nobody@127.0.0.1:1/none", "test")
    written: list[group_commit.Item] = []

    def write(_: Connection, items: Sequence[group_commit.Item]) -> None:
        written.extend(items)

    committer = group_commit.GroupCommitter(broken, write, 10)
    item = VerifiedDelivery(Delivery("evt_1", "payment.update", "pmt_1"), b"", datetime.now(UTC))
    stop = threading.Event()
    thread = threading.Thread(target=committer.run, args=(stop, lambda: None))

    async def main() -> None:
        with pytest.raises(group_commit.NotCommitted):
            await committer.store(item, 5)
        assert not written
        committer.engine = service.engine
        await committer.store(item, 5)

    thread.start()
    try:
        asyncio.run(main())
    finally:
        stop.set()
        thread.join(5)
    assert written == [item]


def test_a_flood_of_unverified_deliveries_is_counted_and_no_longer_stored() -> None:
    throttle = routes.SecurityEventThrottle(2)
    assert [throttle.allow(1), throttle.allow(1), throttle.allow(1), throttle.allow(2)] == [
        True,
        True,
        False,
        True,
    ]
    assert throttle.rejected == 4
