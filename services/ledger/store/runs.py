"""The table `statement_run`: closed statements and their verdicts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.provider import DecidedDuplicate, StatementClosed
from libs.common.database.engine import run
from services.ledger.domain.comparisons import StatementRun
from services.ledger.handlers import Conflict

CLOSING_FIELDS = {
    "run_id",
    "batch_id",
    "complete",
    "pages",
    "lines",
    "amount_cents",
    "from_at",
    "begun_at",
    "requested_by",
    "final_versions",
    "dead_letters",
    "undecided_duplicates",
    "message",
}


@dataclass(frozen=True, slots=True)
class UnfinishedBatch:
    """A batch with a run without a final verdict. `overdue`: it has lacked something too long."""

    batch_id: UUID
    overdue: bool


def insert_runs(connection: Connection, events: Sequence[StatementClosed]) -> None:
    """Store closed statements. The same closing again changes nothing.

    Raises:
        Conflict: the closing of a run came again with other content.
    """
    for event in events:  # one per run
        values = event.model_dump(include=CLOSING_FIELDS)
        decided = event.model_dump(mode="json", include={"decided_duplicates"})
        run(
            connection,
            """
            INSERT INTO statement_run (
                run_id, batch_id, requested_by,
                complete, pages, lines, amount_cents,
                from_at, begun_at, closed_at,
                final_versions, dead_letters, undecided_duplicates, message,
                decided_duplicates
            )
            VALUES (
                :run_id, :batch_id, :requested_by,
                :complete, :pages, :lines, :amount_cents,
                :from_at, :begun_at, :closed_at,
                :final_versions, :dead_letters, :undecided_duplicates, :message,
                CAST(:decided AS jsonb)
            )
            ON CONFLICT DO NOTHING""",
            **values,
            closed_at=event.occurred_at,
            decided=json.dumps(decided["decided_duplicates"]),
        )
        stored = run(
            connection,
            """
            SELECT
                run_id, batch_id, requested_by,
                complete, pages, lines, amount_cents,
                from_at, begun_at,
                final_versions, dead_letters, undecided_duplicates, message,
                decided_duplicates
            FROM statement_run
            WHERE run_id = :id""",
            id=event.run_id,
        ).mappings()
        if dict(stored.one()) != values | decided:
            raise Conflict(f"statement {event.run_id} was closed twice, differently")


def find_unjudged(connection: Connection, batch_ids: Sequence[UUID]) -> list[StatementRun]:
    """The runs of these batches that need a judgement, oldest first.

    A run that the dispatcher could not complete needs it once. A complete one needs it until it is
    `clean` or has `breaks`.
    """
    rows = run(
        connection,
        """
        SELECT
            run_id, batch_id,
            complete, lines, amount_cents,
            begun_at, closed_at,
            final_versions, dead_letters, undecided_duplicates, message,
            verdict, break_count, decided_duplicates
        FROM statement_run
        WHERE batch_id = ANY(CAST(:ids AS uuid[]))
            AND (verdict IS NULL OR (verdict = 'incomplete' AND complete))
        ORDER BY begun_at, run_id""",
        ids=[str(batch_id) for batch_id in batch_ids],
    )
    return [
        StatementRun(
            **{
                **row,
                "decided_duplicates": tuple(
                    DecidedDuplicate.model_validate(one) for one in row["decided_duplicates"]
                ),
            }
        )
        for row in rows.mappings()
    ]


def update_verdict(connection: Connection, run_id: UUID, verdict: str, break_count: int) -> int:
    """Store the verdict of a run. A later one replaces it.

    Returns:
        How many verdicts the run has had.
    """
    return int(
        run(
            connection,
            """
            UPDATE statement_run
            SET verdict = :verdict,
                break_count = :break_count,
                judgements = judgements + 1,
                judged_at = now()
            WHERE run_id = :id
            RETURNING judgements""",
            id=run_id,
            verdict=verdict,
            break_count=break_count,
        ).scalar_one()
    )


def find_unfinished_batches(connection: Connection, older_than_s: int) -> list[UnfinishedBatch]:
    """The batches with a complete run that has no final verdict.

    A batch is overdue if a run of it closed so many seconds ago and has no verdict at all.
    """
    rows = run(
        connection,
        """
        SELECT
            batch_id,
            bool_or(
                verdict IS NULL AND closed_at < now() - make_interval(secs => :age)
            ) AS overdue
        FROM statement_run
        WHERE complete
            AND (verdict IS NULL OR verdict = 'incomplete')
        GROUP BY 1
        ORDER BY 1""",
        age=older_than_s,
    )
    return [UnfinishedBatch(row.batch_id, row.overdue) for row in rows]


def find_batches_without_verdict(connection: Connection) -> list[UUID]:
    """The batches with a run that has no verdict."""
    rows = run(
        connection,
        """
        SELECT DISTINCT batch_id
        FROM statement_run
        WHERE verdict IS NULL
        ORDER BY 1""",
    )
    return list(rows.scalars())


def verdict_age_s(connection: Connection) -> float:
    """Seconds since the newest verdict, or since the first journal if there is none; else 0."""
    return float(
        run(
            connection,
            """
            SELECT coalesce(
                extract(epoch FROM now() - coalesce(
                    (SELECT max(judged_at) FROM statement_run),
                    (SELECT min(posted_at) FROM journal)
                )),
                0
            )""",
        ).scalar_one()
    )
