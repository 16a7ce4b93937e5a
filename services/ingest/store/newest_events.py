"""The newest published state of each batch, hold and set of rules, for recovery."""

from typing import TypeVar

from sqlalchemy import Connection

from libs.common.contracts.events.approval_rules import ApprovalRulesChanged
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.holds import HoldChanged
from libs.common.database.engine import run

State = TypeVar("State", BatchChanged, HoldChanged, ApprovalRulesChanged)


def list_newest(connection: Connection, first: int, event: type[State]) -> list[State]:
    """List the newest version of each message key of this class.

    Args:
        first: only events with a higher outbox id count: those recovered after a restore.
    """
    bodies = run(
        connection,
        """
        SELECT DISTINCT ON (message_key) body
        FROM outbox
        WHERE id > :first AND message_type = :type
        ORDER BY message_key, CAST(CAST(body AS jsonb) ->> 'version' AS int) DESC""",
        first=first,
        type=event.name(),
    ).scalars()
    return [event.model_validate_json(body) for body in bodies]
