"""Table `attempt`: every call that creates something at the provider, with its frozen body.

The database keeps the rules: one key has one body for ever, a further attempt needs evidence that
the one before did not happen, and what was accepted stays accepted.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection

from libs.common.contracts.statuses import FINAL_PAYMENTS
from libs.common.database.engine import run
from services.dispatcher.domain.protocol import Answer

MESSAGE_MAX = 500


def attempt_key(subject_id: UUID, n: int) -> UUID:
    """Return the idempotency key of attempt n of a payment or provider object."""
    return uuid5(subject_id, str(n))


@dataclass(frozen=True)
class Intent:
    """An attempt about to be sent: of a payment or provider object, with its frozen body."""

    subject_id: UUID
    n: int
    kind: str
    purpose: str
    path: str
    body: str
    outcome: str = "open"


def insert_intents(
    connection: Connection, intents: Sequence[Intent], provider_date: datetime | None
) -> None:
    """Write attempts before they are sent; the same attempt twice is an error.

    Args:
        provider_date: the provider's clock as last seen; look-ups begin two days before it.
    """
    if not intents:
        return
    run(
        connection,
        """
        INSERT INTO attempt (
            subject_id, n, kind, purpose,
            idempotency_key, path, body, body_sha256,
            provider_date, outcome
        )
        SELECT x.subject_id, x.n, x.kind, x.purpose,
               x.key, x.path, x.body, x.hash,
               :date, x.outcome
        FROM unnest(
            CAST(:subjects AS uuid[]), CAST(:ns AS int[]), CAST(:kinds AS text[]),
            CAST(:purposes AS text[]), CAST(:keys AS uuid[]), CAST(:paths AS text[]),
            CAST(:bodies AS text[]), CAST(:hashes AS text[]), CAST(:outcomes AS text[])
        ) AS x(subject_id, n, kind, purpose, key, path, body, hash, outcome)""",
        subjects=[str(i.subject_id) for i in intents],
        ns=[i.n for i in intents],
        kinds=[i.kind for i in intents],
        purposes=[i.purpose for i in intents],
        keys=[str(attempt_key(i.subject_id, i.n)) for i in intents],
        paths=[i.path for i in intents],
        bodies=[i.body for i in intents],
        hashes=[_digest(i.body) for i in intents],
        outcomes=[i.outcome for i in intents],
        date=provider_date,
    )


def _digest(body: str) -> str:
    """The SHA-256 of a body, "" for one that is lost."""
    return hashlib.sha256(body.encode()).hexdigest() if body else ""


def insert_known_attempts(
    connection: Connection, attempts: Collection[tuple[UUID, int, str]]
) -> None:
    """Write attempts of payments (payment, number, outcome) whose bodies are lost.

    They are never sent again. One statement for each number: the next attempt needs the evidence
    of the one before.
    """
    for number in sorted({n for _, n, _ in attempts}):
        intents = [
            Intent(payment_id, n, "payment", "pay", "/payments", "", outcome)
            for payment_id, n, outcome in attempts
            if n == number
        ]
        insert_intents(connection, intents, None)


def mark_sent_again(connection: Connection, attempts: Sequence[tuple[UUID, int]]) -> None:
    """Note that attempts (subject, number) are sent once more, with the same key and body."""
    if not attempts:
        return
    run(
        connection,
        """
        UPDATE attempt a
        SET last_sent_at = now(), sends = sends + 1
        FROM unnest(CAST(:ids AS uuid[]), CAST(:ns AS int[])) AS x(subject_id, n)
        WHERE a.subject_id = x.subject_id AND a.n = x.n""",
        ids=[str(subject_id) for subject_id, _ in attempts],
        ns=[n for _, n in attempts],
    )


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: the provider's answer, and the outcome that follows from it.

    `did_not_run`: the answer says that the send it is to did not run.
    """

    subject_id: UUID
    n: int
    outcome: str
    answer: Answer
    did_not_run: bool = False


def record_answers(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Write answers beside their intents; what was accepted stays accepted."""
    if not outcomes:
        return
    run(
        connection,
        """
        UPDATE attempt a
        SET outcome = CASE WHEN a.outcome = 'accepted' THEN a.outcome ELSE x.outcome END,
            http_status = x.status, code = x.code, message = x.message,
            request_id = x.request_id, answered = a.answered + x.did_not_run::int
        FROM unnest(
            CAST(:ids AS uuid[]), CAST(:ns AS int[]), CAST(:outcomes AS text[]),
            CAST(:statuses AS int[]), CAST(:codes AS text[]), CAST(:messages AS text[]),
            CAST(:requests AS text[]), CAST(:did_not_run AS boolean[])
        ) AS x(subject_id, n, outcome, status, code, message, request_id, did_not_run)
        WHERE a.subject_id = x.subject_id AND a.n = x.n""",
        ids=[str(o.subject_id) for o in outcomes],
        ns=[o.n for o in outcomes],
        outcomes=[o.outcome for o in outcomes],
        statuses=[o.answer.status for o in outcomes],
        codes=[o.answer.sub_type for o in outcomes],
        messages=[o.answer.message[:MESSAGE_MAX] for o in outcomes],
        requests=[o.answer.request_id for o in outcomes],
        did_not_run=[o.did_not_run for o in outcomes],
    )


def end_attempts(connection: Connection, outcomes: Collection[tuple[UUID, int, str]]) -> None:
    """Set the outcome of attempts (subject, number, outcome) that are open; others stay."""
    if not outcomes:
        return
    run(
        connection,
        """
        UPDATE attempt a
        SET outcome = x.outcome
        FROM unnest(CAST(:ids AS uuid[]), CAST(:ns AS int[]), CAST(:outcomes AS text[]))
            AS x(subject_id, n, outcome)
        WHERE a.subject_id = x.subject_id AND a.n = x.n AND a.outcome = 'open'""",
        ids=[str(subject_id) for subject_id, _, _ in outcomes],
        ns=[n for _, n, _ in outcomes],
        outcomes=[outcome for _, _, outcome in outcomes],
    )


def end_all_attempts(connection: Connection, subject_ids: Collection[UUID], outcome: str) -> None:
    """Set the outcome of every open attempt of these payments or objects; others stay."""
    run(
        connection,
        """
        UPDATE attempt
        SET outcome = :outcome
        WHERE subject_id = ANY(CAST(:ids AS uuid[])) AND outcome = 'open'""",
        ids=[str(subject_id) for subject_id in subject_ids],
        outcome=outcome,
    )


def end_earlier_attempts(connection: Connection, attempts: Collection[tuple[UUID, int]]) -> None:
    """Mark as absent the open attempts of each subject before a number (subject, number)."""
    if not attempts:
        return
    run(
        connection,
        """
        UPDATE attempt a
        SET outcome = 'absent'
        FROM unnest(CAST(:ids AS uuid[]), CAST(:ns AS int[])) AS x(subject_id, n)
        WHERE a.subject_id = x.subject_id AND a.n < x.n AND a.outcome = 'open'""",
        ids=[str(subject_id) for subject_id, _ in attempts],
        ns=[n for _, n in attempts],
    )


def accept_attempt(connection: Connection, subject_id: UUID, number: str) -> None:
    """Mark an attempt as accepted, whatever it was believed to be; a second call changes nothing.

    Args:
        number: as the provider's metadata shows it; one that is no number matches no attempt.
    """
    run(
        connection,
        """
        UPDATE attempt
        SET outcome = 'accepted'
        WHERE subject_id = :id AND CAST(n AS text) = :number""",
        id=subject_id,
        number=number,
    )


def list_attempts(connection: Connection, subject_id: UUID) -> list[dict[str, Any]]:
    """Return the attempts of a payment as people see them, oldest first."""
    rows = run(
        connection,
        """
        SELECT n, idempotency_key,
               first_sent_at, last_sent_at, sends,
               outcome, http_status, code, message, request_id
        FROM attempt
        WHERE subject_id = :id
        ORDER BY n""",
        id=subject_id,
    )
    return [dict(row) for row in rows.mappings()]


def list_numbers(connection: Connection, subject_ids: Collection[UUID]) -> set[tuple[UUID, int]]:
    """Return (subject, number) of every attempt of these payments."""
    rows = run(
        connection,
        """
        SELECT subject_id, n
        FROM attempt
        WHERE subject_id = ANY(CAST(:ids AS uuid[]))""",
        ids=[str(subject_id) for subject_id in subject_ids],
    )
    return {(row.subject_id, row.n) for row in rows}


def first_open_or_published(connection: Connection, first: int) -> datetime | None:
    """Return from when on the provider may have something that a restored copy does not know.

    That is the earliest of the copy's newest message (outbox ids up to `first`), its oldest open
    attempt, and the approval of what has not ended. None, for the very beginning, if the copy had
    published nothing, or if an approval has no date.
    """
    at: datetime | None = run(
        connection,
        """
        SELECT least(
            (SELECT max(created_at) FROM outbox WHERE id <= :first),
            (SELECT min(first_sent_at) FROM attempt WHERE outcome = 'open'),
            (SELECT min(approved_at) FROM payment WHERE status <> ALL(CAST(:final AS text[])))
        )
        WHERE EXISTS (SELECT FROM outbox WHERE id <= :first)
            AND NOT EXISTS (
                SELECT FROM payment
                WHERE status <> ALL(CAST(:final AS text[])) AND approved_at IS NULL
            )""",
        first=first,
        final=sorted(FINAL_PAYMENTS),
    ).scalar()
    return at
