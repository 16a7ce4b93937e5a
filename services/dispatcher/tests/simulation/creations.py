"""Objects that are created in a simulation, and that the provider may refuse until they are mended.

Each step is one call of production code, as in `process.py`.
"""

import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.dispatcher import commands
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.sending.provider_objects import ProviderObjectSender
from services.dispatcher.sending.worker import Call
from services.dispatcher.store import merchants
from services.dispatcher.tests.factories import CIPHER, INSTITUTION, announce_batch
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.running import VERSION
from services.dispatcher.tests.simulation.process import PERSON
from services.dispatcher.tracking.object_lookup import look_up_objects

LEASED_AT_ONCE = 5


class UnpreparedDispatcher(ManualDispatcher):
    """A batch whose people, loans, corporation and source accounts are yet to be created."""

    def announce(self, batch_id: UUID, count: int, **more: Any) -> None:
        announce_batch(self.engine, batch_id, count, **more)
        with self.engine.begin() as connection:
            merchants.upsert_merchant(connection, INSTITUTION, "mch_1", "")
        prepare(self)


class Creator:
    """A worker's process that creates objects."""

    def __init__(self, dispatcher: ManualDispatcher) -> None:
        self.dispatcher = dispatcher
        timing, clocks = dispatcher.timing, dispatcher.clocks
        self.sender = ProviderObjectSender(timing, CIPHER, VERSION, clocks)

    def create(self, chance: random.Random, *, is_calm: bool) -> None:
        """One turn; the worker may die before or after its calls."""
        fate = 1.0 if is_calm else chance.random()
        with self.dispatcher.engine.begin() as connection:
            calls: Sequence[Call] = self.sender.lease_calls(connection, LEASED_AT_ONCE)
        if fate < 0.1:
            return
        answers = [(call, self._send(call)) for call in calls]
        if fate < 0.2:
            return
        with self.dispatcher.engine.begin() as connection:
            self.sender.record_answers(connection, answers)

    def _send(self, call: Call) -> Answer:
        key, body = str(call.idempotency_key), call.body.encode()
        return self.dispatcher.provider.send("POST", call.path, body, key)[0]


def prepare(dispatcher: ManualDispatcher) -> None:
    """One turn of the loop that brings batches to where they can be paid."""
    provisioner = dispatcher.provisioner
    provisioner.catch_up_at = 0.0
    for turn in (
        provisioner.insert_objects,
        provisioner.link_payments,
        provisioner.catch_up,
        provisioner.start_batches,
        provisioner.end_unpayable,
    ):
        turn()


def look_up(dispatcher: ManualDispatcher) -> None:
    look_up_objects(dispatcher.engine, dispatcher.reader, dispatcher.timing)


def retry(dispatcher: ManualDispatcher) -> None:
    """A person asks that what was refused is tried again."""
    with dispatcher.engine.begin() as connection:
        commands.order_retry(connection, dispatcher.batch_id, PERSON)


def find_unmade(dispatcher: ManualDispatcher) -> list[str]:
    """Objects that payments which may still be paid need, and that do not exist at the provider."""
    rows = dispatcher.rows(
        """
        SELECT DISTINCT o.natural_key
        FROM payment p
        JOIN object o ON o.object_id IN (p.source_object, p.destination_object)
        WHERE p.status NOT IN ('failed', 'cancelled') AND o.status <> 'pending'"""
    )
    return [row.natural_key for row in rows]
