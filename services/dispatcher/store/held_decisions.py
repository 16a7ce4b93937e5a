"""Tables `held_proposal`, `held_decision` and `unbinding`: what two people decide of a payment.

The database refuses a decision by one person, or by somebody who had a hand in the batch, and it
lets no held payment go without a decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.database.engine import run


def find_proposal(connection: Connection, payment_id: UUID) -> Row[Any] | None:
    """Return the open proposal for a held payment; None if there is none."""
    found: Row[Any] | None = run(
        connection,
        """
        SELECT act, provider_id, reason, by_whom, at
        FROM held_proposal
        WHERE payment_id = :id""",
        id=payment_id,
    ).first()
    return found


def upsert_proposal(
    connection: Connection, payment_id: UUID, act: str, provider_id: str, reason: str, by: str
) -> None:
    """Propose an act; a second proposal replaces the first."""
    run(
        connection,
        """
        INSERT INTO held_proposal (payment_id, act, provider_id, reason, by_whom)
        VALUES (:id, :act, :provider_id, :reason, :by)
        ON CONFLICT (payment_id) DO UPDATE
        SET act = excluded.act, provider_id = excluded.provider_id, reason = excluded.reason,
            by_whom = excluded.by_whom, at = now()""",
        id=payment_id,
        act=act,
        provider_id=provider_id,
        reason=reason,
        by=by,
    )


def delete_proposal(connection: Connection, payment_id: UUID) -> None:
    """Delete the proposal for a payment, if there is one."""
    run(connection, "DELETE FROM held_proposal WHERE payment_id = :id", id=payment_id)


@dataclass(frozen=True)
class HeldDecision:
    """What two people decided about a payment while it was held at `version`.

    `money` of a payment that was closed: "" if none moved, or `PAID_ELSEWHERE`.
    """

    payment_id: UUID
    version: int
    act: str
    provider_id: str
    reason: str
    proposed_by: str
    confirmed_by: str
    money: str = ""


def insert_decisions(connection: Connection, decisions: Sequence[HeldDecision]) -> int:
    """Record decisions; return how many are new. One of the same payment and version is kept."""
    count: int = run(
        connection,
        """
        INSERT INTO held_decision (
            payment_id, version, act, provider_id, reason, proposed_by, confirmed_by, money
        )
        SELECT *
        FROM unnest(
            CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:acts AS text[]),
            CAST(:provider_ids AS text[]), CAST(:reasons AS text[]),
            CAST(:proposers AS text[]), CAST(:confirmers AS text[]), CAST(:moneys AS text[])
        )
        ON CONFLICT DO NOTHING""",
        ids=[str(d.payment_id) for d in decisions],
        versions=[d.version for d in decisions],
        acts=[d.act for d in decisions],
        provider_ids=[d.provider_id for d in decisions],
        reasons=[d.reason for d in decisions],
        proposers=[d.proposed_by for d in decisions],
        confirmers=[d.confirmed_by for d in decisions],
        moneys=[d.money for d in decisions],
    ).rowcount
    return count


def may_be_unbound(connection: Connection, payment_id: UUID, provider_id: str) -> bool:
    """Whether people bound a payment to this provider payment, or the provider does not know it."""
    found = run(
        connection,
        """
        SELECT 1
        FROM held_decision
        WHERE payment_id = :id AND act = 'bind' AND provider_id = :provider_id
        UNION
        SELECT 1
        FROM flag
        WHERE payment_id = :id
            AND kind = 'not_at_provider'
            AND left(detail, length(:provider_id) + 1) = :provider_id || ':'""",
        id=payment_id,
        provider_id=provider_id,
    ).first()
    return found is not None


def insert_unbinding(connection: Connection, decision: HeldDecision) -> None:
    """Record that two people took back a binding; the same one twice is an error."""
    run(
        connection,
        """
        INSERT INTO unbinding
            (payment_id, version, provider_id, reason, proposed_by, confirmed_by)
        VALUES (:id, :version, :provider_id, :reason, :proposed_by, :confirmed_by)""",
        id=decision.payment_id,
        version=decision.version,
        provider_id=decision.provider_id,
        reason=decision.reason,
        proposed_by=decision.proposed_by,
        confirmed_by=decision.confirmed_by,
    )
