"""Tables `acknowledgement`, `acknowledgement_proposal` and `correction`: explained breaks."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.ledger import BreakAcknowledged, CorrectingJournal
from libs.common.database.engine import run
from services.ledger.domain.acknowledgements import Acknowledgement
from services.ledger.domain.comparisons import OutsideMoney

CORRECTIONS_LOCK = 7_301_052  # any number that no other lock of this database has


@dataclass(frozen=True, slots=True)
class OpenBreak:
    """A break that was locked for a decision. `barred` is None if the ledger does not know it.

    `decided_in` says where its evidence was acknowledged; "" if it was not.
    """

    break_id: UUID
    batch_id: UUID
    kind: str
    subject: str
    account: str
    evidence: str
    outside: tuple[OutsideMoney, ...]
    is_closed: bool
    decided_in: str
    barred: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one person proposed about a break as it was seen."""

    evidence: str
    act: str
    reason: str
    proposed_by: str


def lock_corrections(connection: Connection) -> None:
    """Make decisions about breaks wait for each other: one provider payment is in many batches."""
    run(connection, "SELECT pg_advisory_xact_lock(:key)", key=CORRECTIONS_LOCK)


def lock_break(connection: Connection, break_id: UUID) -> OpenBreak | None:
    """Lock a break and read what a decision about it needs; None if there is no such break."""
    row = run(
        connection,
        """
        SELECT
            b.break_id, b.batch_id, b.kind, b.subject, b.account, b.evidence, b.outside,
            b.closed_at IS NOT NULL AS is_closed,
            coalesce(
                (SELECT a.decided_in FROM acknowledgement a WHERE a.evidence = b.evidence), ''
            ) AS decided_in,
            (SELECT barred FROM batch WHERE batch.batch_id = b.batch_id) AS barred
        FROM reconciliation_break b
        WHERE b.break_id = :id
        FOR UPDATE OF b""",
        id=break_id,
    )
    found = row.mappings().first()
    if found is None:
        return None
    return OpenBreak(
        **{
            **found,
            "outside": tuple(OutsideMoney(**money) for money in found["outside"]),
            "barred": None if found["barred"] is None else frozenset(found["barred"]),
        }
    )


def find_proposal(connection: Connection, break_id: UUID) -> Proposal | None:
    """What was proposed about a break last; None if nothing was."""
    row = run(
        connection,
        """
        SELECT evidence, act, reason, proposed_by
        FROM acknowledgement_proposal
        WHERE break_id = :id""",
        id=break_id,
    )
    found = row.mappings().first()
    return None if found is None else Proposal(**found)


def upsert_proposal(connection: Connection, break_id: UUID, proposal: Proposal) -> None:
    """Propose an acknowledgement; it replaces the proposal before it."""
    run(
        connection,
        """
        INSERT INTO acknowledgement_proposal (break_id, evidence, act, reason, proposed_by)
        VALUES (:break_id, :evidence, :act, :reason, :by)
        ON CONFLICT (break_id) DO UPDATE
        SET evidence = excluded.evidence,
            act = excluded.act,
            reason = excluded.reason,
            proposed_by = excluded.proposed_by,
            proposed_at = now()""",
        break_id=break_id,
        evidence=proposal.evidence,
        act=proposal.act,
        reason=proposal.reason,
        by=proposal.proposed_by,
    )


def delete_proposal(connection: Connection, break_id: UUID) -> None:
    """Delete the proposal about a break; a second call deletes none."""
    run(connection, "DELETE FROM acknowledgement_proposal WHERE break_id = :id", id=break_id)


def newest_run_begun_at(connection: Connection) -> datetime | None:
    """When the newest run that is known here began; None if there is none."""
    found: datetime | None = run(connection, "SELECT max(begun_at) FROM statement_run").scalar_one()
    return found


def find_corrections(
    connection: Connection, provider_payment_ids: Collection[str]
) -> list[CorrectingJournal]:
    """The correcting journals of these provider payments, oldest first."""
    rows = run(
        connection,
        """
        SELECT journal_id, provider_payment_id, from_account, to_account, amount_cents
        FROM correction
        WHERE provider_payment_id = ANY(CAST(:ids AS text[]))
        ORDER BY posted_at, journal_id""",
        ids=list(provider_payment_ids),
    )
    return [CorrectingJournal(**row) for row in rows.mappings()]


def insert_acknowledgements(
    connection: Connection, acknowledgements: Sequence[Acknowledgement]
) -> None:
    """Store acknowledgements and write their journals. What is stored already stays as it is."""
    for one in acknowledgements:  # a person makes each
        run(
            connection,
            """
            INSERT INTO acknowledgement (
                evidence, break_id, batch_id, act, reason, amount_cents,
                proposed_by, confirmed_by, confirmed_at, decided_in, counts_after, journals
            )
            VALUES (
                :evidence, :break_id, :batch_id, :act, :reason, :amount_cents,
                :proposed_by, :confirmed_by, :confirmed_at, :decided_in, :counts_after,
                CAST(:journals AS jsonb)
            )
            ON CONFLICT DO NOTHING""",
            **{
                name: getattr(one, name) for name in Acknowledgement.__slots__ if name != "journals"
            },
            journals=json.dumps([journal.model_dump(mode="json") for journal in one.journals]),
        )
        _insert_corrections(connection, one)


def _insert_corrections(connection: Connection, acknowledgement: Acknowledgement) -> None:
    journals = acknowledgement.journals
    run(
        connection,
        """
        INSERT INTO correction (
            journal_id, batch_id, break_id, provider_payment_id,
            from_account, to_account, amount_cents, posted_at
        )
        SELECT journal_id, :batch_id, :break_id, provider_payment_id,
            from_account, to_account, amount_cents, :posted_at
        FROM unnest(
            CAST(:ids AS uuid[]), CAST(:provider_payment_ids AS text[]),
            CAST(:from_accounts AS text[]), CAST(:to_accounts AS text[]),
            CAST(:amounts_cents AS bigint[])
        ) AS given(journal_id, provider_payment_id, from_account, to_account, amount_cents)
        ON CONFLICT DO NOTHING""",
        batch_id=acknowledgement.batch_id,
        break_id=acknowledgement.break_id,
        posted_at=acknowledgement.confirmed_at,
        ids=[str(journal.journal_id) for journal in journals],
        provider_payment_ids=[journal.provider_payment_id for journal in journals],
        from_accounts=[journal.from_account for journal in journals],
        to_accounts=[journal.to_account for journal in journals],
        amounts_cents=[journal.amount_cents for journal in journals],
    )


def find_acknowledgements(
    connection: Connection, evidence: Collection[str], begun_at: datetime
) -> list[Acknowledgement]:
    """The acknowledgements made here of these breaks that count for a run that began then."""
    rows = run(
        connection,
        """
        SELECT
            evidence, break_id, batch_id, act, reason, amount_cents,
            proposed_by, confirmed_by, confirmed_at, decided_in, counts_after, journals
        FROM acknowledgement
        WHERE evidence = ANY(CAST(:evidence AS text[]))
            AND decided_in = 'ledger'
            AND counts_after < :begun_at""",
        evidence=list(evidence),
        begun_at=begun_at,
    )
    return [_acknowledgement(row) for row in rows.mappings()]


def _acknowledgement(row: Mapping[str, Any]) -> Acknowledgement:  # Any: of several SQL types
    journals = tuple(CorrectingJournal.model_validate(one) for one in row["journals"])
    return Acknowledgement(**{**row, "journals": journals})


def find_published(connection: Connection, first_outbox_id: int) -> list[BreakAcknowledged]:
    """The acknowledgements in the outbox above an id, in the order in which they were made."""
    rows = run(
        connection,
        """
        SELECT body
        FROM outbox
        WHERE id > :first_outbox_id
            AND message_type = :type
        ORDER BY id""",
        first_outbox_id=first_outbox_id,
        type=BreakAcknowledged.name(),
    )
    return [BreakAcknowledged.model_validate_json(row.body) for row in rows]
