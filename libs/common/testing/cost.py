"""What work on a database costs: statements, commits, rows and messages, against what is allowed.

These counters do not depend on the machine. A number that falls is written down; one that rises by
more than 5 % needs a better reason than the one beside it.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, event

from libs.common.database.engine import run
from libs.common.testing import table_counters

MAY_RISE = 1.05


@dataclass(frozen=True)
class Limit:
    """The most that one payment may use of something, and why it needs that much."""

    per_payment: float
    reason: str


def count(engine: Engine, owner: Engine, work: Callable[[], object]) -> Counter[str]:
    """The statements, commits, rows, and messages of work through this engine.

    Rows are those that PostgreSQL counts for its tables; `updates of <table>` is there for each.
    """
    used: Counter[str] = Counter()

    def statement(*_: object) -> None:
        used["statements"] += 1

    def commit(*_: object) -> None:
        used["commits"] += 1

    messages = messages_of(owner)  # it reads a table too, so before and after those are counted
    tables = table_counters.read(engine, owner)
    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    work()
    event.remove(engine, "before_cursor_execute", statement)
    event.remove(engine, "commit", commit)
    rows = table_counters.read(engine, owner) - tables
    used += messages_of(owner) - messages
    for (table, kind), number in rows.items():
        used[f"rows {kind}"] += number
        if kind == "updated":
            used[f"updates of {table}"] += number
    return used


def messages_of(owner: Engine) -> Counter[str]:
    """How many messages the outbox has for each topic, and the bytes of their bodies."""
    found: Counter[str] = Counter()
    with owner.connect() as connection:
        if run(connection, "SELECT to_regclass('outbox')").scalar() is None:
            return found
        rows = run(
            connection,
            """
            SELECT topic, count(*) AS n, sum(octet_length(body)) AS bytes
            FROM outbox
            GROUP BY topic""",
        ).all()
    for row in rows:
        found[f"messages on {row.topic}"] = int(row.n)
        found[f"bytes on {row.topic}"] = int(row.bytes)
    return found


def check(used: Mapping[str, int], payments: int, limits: Mapping[str, Limit]) -> None:
    """Fail if a payment costs more than is written down, or less, or something else."""
    found = {name: round(used[name] / payments, 3) for name in limits}
    dearer = {
        name: f"{found[name]} instead of {limit.per_payment}: {limit.reason}"
        for name, limit in limits.items()
        if found[name] > limit.per_payment * MAY_RISE
    }
    assert not dearer, json.dumps(dearer, indent=1)
    cheaper = {
        name: found[name]
        for name, limit in limits.items()
        if found[name] * MAY_RISE < limit.per_payment
    }
    assert not cheaper, f"cheaper than written down: write it down, so that it stays so: {cheaper}"
    counted = {name for name, number in used.items() if number and " of " not in name}
    assert counted <= set(limits), f"not written down: {sorted(counted - set(limits))}"
