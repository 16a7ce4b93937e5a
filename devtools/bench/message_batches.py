"""Apply messages as a consumer does, without the broker."""

import time
from collections.abc import Sequence

from sqlalchemy import Engine

from devtools.bench.counts import require_equal
from libs.common.contracts.envelope import Event
from libs.common.contracts.message import Message
from libs.common.database.engine import run
from libs.common.messaging.consumer import Apply, apply_batch

BATCH_MAX = 500


def apply_s(engine: Engine, found: Sequence[Event], apply: Apply) -> float:
    """Seconds until all messages of one topic are applied and committed, with inbox and offsets.

    Raises:
        CommandError: one became a dead letter.
    """
    topic = found[0].topic
    messages = [
        Message(topic.name, 0, n, e.key(), e.type, str(e.event_id), e.body(), e.correlation)
        for n, e in enumerate(found)
    ]
    with engine.begin() as connection:
        run(connection, "INSERT INTO consumer_offset VALUES ('bench', :t, 0, 0)", t=topic.name)
    began = time.monotonic()
    for start in range(0, len(messages), BATCH_MAX):
        batch = messages[start : start + BATCH_MAX]
        with engine.begin() as connection:
            apply_batch(connection, "bench", batch, apply)
    seconds = time.monotonic() - began
    with engine.connect() as connection:
        dead = run(connection, "SELECT count(*) FROM dead_letter").scalar()
    require_equal("dead letters", dead, 0)
    return seconds
