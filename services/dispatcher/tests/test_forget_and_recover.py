"""Normal life and recovery end in the same state, for each table of the dispatcher.

A dispatcher lives through random events. In the middle its database is copied. Then the newest part
is forgotten: the copy is restored, and only the topics and the provider know what happened since.
After the recovery every table must be as it was, apart from the exemptions below.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from libs.common.database.engine import run
from services.dispatcher.store import kill_switch
from services.dispatcher.tests.life import EVENTS, Life

pytestmark = pytest.mark.database

#: The columns of each table that a recovery brings back, by its key.
RECOVERED: Final = {
    "batch": (
        "batch_id",
        """version, status, revision, digest, period, row_messages, payments, payments_cents,
        institutions, barred, state, state_version, state_by, state_reason, statement_n""",
    ),
    "source": (
        "batch_id, source_account_id",
        "ein, payor_name, dba, address, routing, last4, account_index",
    ),
    "batch_row": ("row_id", "batch_id, revision, status, employee_id, merchant_id, loan_index"),
    "row_count": ("batch_id", "messages"),
    "merchant": ("institution_id", "merchant_id, reason"),
    "mended_merchant": ("batch_id, institution_id", "merchant_id"),
    "object": (
        "natural_key",
        """object_id, kind, holder_id, employee_id, person_index, merchant_id, number_index,
        purpose, status, provider_id""",
    ),
    "payment": (
        "payment_id",
        """batch_id, digest, amount_cents, row_id, account_index, employee_id, loan_index,
        source_object, destination_object, merchant_id, status, version, provider_id,
        provider_status, provider_created_at, source_trace_id, destination_trace_id,
        reversal_id, return_under_way, reason_code, reason, attempts, looks, step""",
    ),
    "payment_row": ("payment_id, row_id", "root_row_id, live"),
    "attempt": ("subject_id, n", "kind, purpose, idempotency_key, path, outcome"),
    "source_stop": ("account_index", "reason_code, reason"),
    "outbox": ("event_id", "topic, message_key, message_type, correlation, body"),
}
#: Tables that no topic and no provider remembers, and why nothing is lost with them.
EXEMPT: Final = {
    "kill_switch": "it is on after a restore, whatever it was",
    "limiter": "its permits are of the last minute",
    "hint": "it only makes a reading earlier; after a restore everything is read",
    "flag": "what it shows is found again by the next reading or search",
    "held_proposal": "the first person proposes again",
    "held_decision": "its people are in the published event; the row is written as far as needed",
    "status_change": "it says that a statement is due; after a restore one is taken anyway",
    "restored": "the recovery itself",
    "source_refusal": "it counts refusals towards a stop; the bank refuses again if it must",
    "duplicate": "it is found again by the next search; people decide again",
    "object_retry": "it says what was tried again; the next batch or person tries once more",
    "refused_source": "it is found again from the objects, which are read at the provider",
    "unbinding": "its people are in the published event",
    "unknown_payment": "what the provider lists is found again by the next walk",
    "inbox": "the consumers' own, which come back with the copy and the topics",
    "consumer_offset": "likewise",
    "dead_letter": "likewise",
    "alembic_version": "the schema's own",
}
# Exempt columns of the tables above: times, leases and fences, which only say when something is
# done next; encrypted values, which are sealed anew; bodies and answers of attempts, which are on
# no topic, so that a recovered attempt is never sent again; counters of attempts of objects; where
# an object's values were read first; when a statement was taken.


def state(life: Life) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
    """What a recovery brings back of each table: columns by key."""
    found = {}
    for table, (key, columns) in RECOVERED.items():
        keys = key.split(", ")
        rows = life.dispatcher.rows(f"SELECT {key}, {columns} FROM {table}")
        found[table] = {tuple(r._mapping[k] for k in keys): dict(r._mapping) for r in rows}
    return found


def same(table: str, lived: dict[str, Any], recovered: dict[str, Any]) -> bool:
    """Whether a recovered row is as it was; the differences that are allowed, and why."""
    lived, recovered = dict(lived), dict(recovered)
    if table == "attempt":
        # The topics do not tell a refusal from an absence: both did not happen. The newest attempt
        # of a held payment is open again, because people decide about it.
        lived["outcome"] = lived["outcome"].replace("refused", "absent")
        recovered["outcome"] = recovered["outcome"].replace("refused", "absent")
        if recovered["outcome"] == "open":
            recovered["outcome"] = lived["outcome"]
    if table == "payment" and lived["destination_object"] is None:
        # Payments that were cancelled before they were linked are linked so that they can be read.
        for column in ("source_object", "destination_object", "merchant_id"):
            lived[column] = recovered[column]
    return lived == recovered


def differences(table: str, lived: Any, recovered: Any) -> list[Any]:
    """The rows that a recovery did not bring back as they were."""
    lost_rows = [row for key, row in lived.items() if key not in recovered]
    changed = [
        (row, recovered[key])
        for key, row in lived.items()
        if key in recovered and not same(table, row, recovered[key])
    ]
    new_rows = [row for key, row in recovered.items() if key not in lived]
    if table == "object":  # of batches that were cancelled before they were prepared
        new_rows = [row for row in new_rows if row["status"] != "unprocessed"]
    if table == "source_stop":  # a stop that was ended since the copy stays: the safe side
        new_rows = []
    if table == "attempt":  # attempts of objects are on no topic
        lost_rows = [row for row in lost_rows if row["kind"] == "payment"]
        changed = [pair for pair in changed if pair[0]["kind"] == "payment"]
    return [*lost_rows, *changed, *new_rows]


@given(
    st.lists(st.sampled_from(EVENTS), max_size=8),
    st.lists(st.sampled_from(EVENTS), max_size=12),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_after_forgetting_and_recovering_each_table_is_as_after_normal_life(
    engines: tuple[Engine, Engine],
    before: list[Callable[[Life], None]],
    after: list[Callable[[Life], None]],
) -> None:
    life = Life(engines)
    for happens in (Life.announce, Life.prepare, *before):
        happens(life)
    life.copy()
    for happens in (*after, Life.take_statement):
        happens(life)
    life.end_doubts()
    lived = state(life)
    life.forget_and_recover()
    recovered = state(life)
    assert {
        table: found
        for table in RECOVERED
        if (found := differences(table, lived[table], recovered[table]))
    } == {}
    with life.engine.connect() as connection:
        assert kill_switch.is_engaged(connection)


def test_every_table_is_recovered_or_exempt_for_a_reason(engines: tuple[Engine, Engine]) -> None:
    with engines[0].connect() as connection:
        tables = run(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert set(tables.scalars()) == set(RECOVERED) | set(EXEMPT)
