"""The steps of the dispatcher's recovery after a restore, before anything may be sent.

Its own messages are in the outbox again by then. First payments and batches come to the states
that were published. Then the provider is asked for everything that is on no topic.
"""

from collections.abc import Callable
from threading import Event as Stop

from sqlalchemy import Connection, Engine

from libs.common.messaging.consumer import Beat
from libs.common.observability.logs import log
from libs.common.recovery import quarantine, restore
from services.dispatcher.domain.protocol import Timing
from services.dispatcher.preparation.approval_proof import ApprovalProof
from services.dispatcher.provider.reader import Reader
from services.dispatcher.published_states import catch_up_payments
from services.dispatcher.recovery.batches import recover_batches
from services.dispatcher.recovery.payments import PaymentRecovery
from services.dispatcher.recovery.provider_objects import ObjectRecovery
from services.dispatcher.recovery.waiting import wait_for
from services.dispatcher.store import attempts, batch_starts, kill_switch

KILL_SWITCH_REASON = (
    "This database came back from a backup. Whether the switch was on is not known. "
    "Release the database first, then turn the switch off."
)


def before_topics(engine: Engine, first: int, _beat: Beat = lambda: None) -> None:
    """Engage the kill switch, and bring payments that are here to their published states.

    This runs before the topics are read. What was recovered lies in the outbox above id `first`.
    """
    with engine.begin() as connection:
        kill_switch.engage(connection, True, "dispatcher", KILL_SWITCH_REASON)
        log.warning("payments_recalled", count=catch_up_payments(connection, first))


def after_topics(
    engine: Engine, reader: Reader, timing: Timing, first: int, approvals: ApprovalProof
) -> None:
    """Recover batches and the payments that came from the topics, then ask the provider.

    Returns early when stopped. A second call goes on where the first ended.
    """
    with engine.begin() as connection:
        recover_batches(connection, first)
        log.warning("payments_recalled", count=catch_up_payments(connection, first))
    with engine.connect() as connection:
        from_date = attempts.first_open_or_published(connection, first)
    wait_for(engine, reader, timing.grace_s, "Waiting for requests that may still be under way.")
    quarantine.report_progress(engine, "Reading people and accounts from the provider.")
    ObjectRecovery(engine, reader, from_date).run()
    PaymentRecovery(engine, reader, timing, from_date).run()
    with engine.begin() as connection:
        _prove_again(connection, approvals)


def _prove_again(connection: Connection, approvals: ApprovalProof) -> None:
    """Let batches wait that were being paid, unless approval and payments are proved.

    The topics may have brought payments that were refused when their batch was being paid.
    """
    for batch in batch_starts.lock_paying(connection):
        if not approvals.is_proved(connection, batch, begins=True):
            batch_starts.let_wait(connection, batch.batch_id)


def recovery_steps(
    reader_of: Callable[[Stop, Beat], Reader],
    timing: Timing,
    approvals: Callable[[], ApprovalProof],
) -> restore.RecoverySteps:
    """Return the dispatcher's steps; `reader_of(stop, beat)` reads from the provider."""

    def after(engine: Engine, first: int, stop: Stop, beat: Beat) -> None:
        after_topics(engine, reader_of(stop, beat), timing, first, approvals())

    return restore.RecoverySteps(before_topics, after)
