"""1,000 webhook deliveries a second for a minute, with a kill -9 in the middle."""

import os
import signal
import statistics
import uuid
from collections.abc import Mapping

from sqlalchemy import create_engine, make_url

from devtools.bench.counts import require_equal
from devtools.bench.deliveries import Sender
from devtools.bench.figures import Figure, Row
from devtools.bench.search import percentile
from devtools.bench.workplace import Workplace
from devtools.stack.stack import Stack
from libs.common.database.engine import run

PER_S, DELIVERIES = 1_000, 60_000
STORED = """
    SELECT count(*), (
        SELECT count(*)
        FROM outbox
        WHERE starts_with(message_key, :key))
    FROM delivery
    WHERE starts_with(provider_event, :tag)"""


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Deliver them all; each must be stored once, with its one message."""
    stack = workplace.paying().stack
    count = workplace.size(DELIVERIES, least=2_000)
    secret = stack.env_for("webhooks")["PAYDOWN_WEBHOOKS_SECRET"]
    url = f"{stack.ports.url('webhooks')}/webhooks/method"
    sender = Sender(url, secret, f"evt_bench{uuid.uuid4().hex[:10]}_")
    sender.send(count, PER_S, lambda: _kill(stack))
    require_equal("deliveries given up", sender.given_up, 0)
    require_equal("deliveries stored, messages", _stored(stack, sender.tag), (count, count))
    return {
        "99th percentile": percentile(sender.ms, 99),
        "median": statistics.median(sender.ms),
        "delivered again after the kill": sender.repeated,
    }


def _kill(stack: Stack) -> None:
    (pid,) = (one.pid for one in stack.status() if one.name == "webhooks")
    require_equal("the process of webhooks runs", pid is not None, True)
    os.kill(pid or 0, signal.SIGKILL)


def _stored(stack: Stack, tag: str) -> tuple[int, int]:
    url = make_url(stack.admin_url()).set(database=f"{stack.prefix}_webhooks")
    engine = create_engine(url)
    with engine.connect() as connection:
        stored, messages = run(connection, STORED, tag=tag, key=f"pmt_{tag}").one()
    engine.dispose()
    return stored, messages


ROW = Row(
    "webhooks",
    "1,000 deliveries a second for 60 s, kill -9 in the middle; percentiles of first tries",
    (
        Figure("99th percentile", "ms", 0, at_most=250),
        Figure("median", "ms", 0),
        Figure("delivered again after the kill", digits=0),
    ),
    measure,
    runs=1,
    estimate_s=75,
)
