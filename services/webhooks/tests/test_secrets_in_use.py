"""Another secret: the one before counts for an hour, and a provider that knows neither is named."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from libs.common.database import migrate
from libs.common.database.engine import connect, run
from services.webhooks import app
from services.webhooks.domain import RejectedDelivery
from services.webhooks.secrets_in_use import FORGED_MIN, OVERLAP, SecretsInUse
from services.webhooks.store.security_events import insert_security_events

pytestmark = pytest.mark.database
OLD, NEW = "the-secret-before-it", "a-secret-of-some-length"


@pytest.fixture(scope="module")
def url(make_database: Callable[[str], tuple[str, str]]) -> str:
    _, owner = make_database("webhooks")
    migrate.upgrade(owner, app.MIGRATIONS)
    return owner


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    made = connect(url, "test")
    with made.begin() as connection:
        run(connection, "TRUNCATE delivery, security_event, secret_in_use")
    yield made
    made.dispose()


def used_since(engine: Engine, age: timedelta) -> None:
    with engine.begin() as connection:
        run(connection, "UPDATE secret_in_use SET since = now() - :age", age=age)


def test_the_secret_before_counts_for_an_hour_also_over_restarts(engine: Engine) -> None:
    now = datetime.now(UTC)
    secrets = SecretsInUse(NEW, OLD)
    assert secrets.accepted(now) == (NEW,)  # not known yet since when
    assert secrets.check(engine) == {"webhook secret": "", "previous secret": ""}
    assert secrets.accepted(now) == (NEW, OLD)
    used_since(engine, OVERLAP - timedelta(minutes=1))
    restarted = SecretsInUse(NEW, OLD)
    restarted.check(engine)
    assert restarted.accepted(now) == (NEW, OLD)
    assert restarted.accepted(now + timedelta(minutes=2)) == (NEW,)
    used_since(engine, OVERLAP)
    again = SecretsInUse(NEW, OLD)
    assert "Remove it" in again.check(engine)["previous secret"]
    assert again.accepted(datetime.now(UTC)) == (NEW,)


def test_without_a_secret_before_there_is_one(engine: Engine) -> None:
    secrets = SecretsInUse(NEW)
    secrets.check(engine)
    assert secrets.accepted(datetime.now(UTC)) == (NEW,)
    with engine.connect() as connection:
        stored = run(connection, "SELECT secret_digest FROM secret_in_use").scalar_one()
    assert NEW not in stored
    assert len(stored) == 16


def reject(engine: Engine, count: int, code: str = "webhook.forged", age_s: float = 0) -> None:
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    with engine.begin() as connection:
        rejected = [RejectedDelivery(code, "203.0.113.9", 10, "0" * 64, at)] * count
        insert_security_events(connection, rejected, 1_000)


def verify_one(engine: Engine, age_s: float) -> None:
    with engine.begin() as connection:
        run(
            connection,
            """
            INSERT INTO delivery (provider_event, webhook_type, provider_id, body, received_at)
            VALUES ('evt_1', 'payment.update', 'pmt_1', '', now() - :age)""",
            age=timedelta(seconds=age_s),
        )


def sentence(engine: Engine) -> str:
    return SecretsInUse(NEW).check(engine)["webhook secret"]


def test_a_provider_that_signs_with_another_secret_is_named(engine: Engine) -> None:
    reject(engine, 50, "webhook.unsigned")
    reject(engine, 50, age_s=3_700)
    reject(engine, FORGED_MIN - 1, age_s=60)
    assert sentence(engine) == ""  # a stranger now and then is no sign
    reject(engine, 1, age_s=60)
    assert f"{FORGED_MIN} deliveries of the last hour" in sentence(engine)
    verify_one(engine, age_s=300)
    assert sentence(engine)  # it was before them
    with engine.begin() as connection:
        run(connection, "TRUNCATE delivery")
    verify_one(engine, age_s=30)
    assert sentence(engine) == ""  # the provider knows our secret; these came from somebody else
