"""What a reconciliation reads of a whole batch: what has arrived, and what is compared."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from libs.common.crypto import message_signatures
from libs.common.database.engine import run
from services.ledger.domain.comparisons import (
    BalanceDifference,
    RunProgress,
    StatementRun,
    UnknownJournal,
    UnknownLine,
    VersionsAtClose,
)
from services.ledger.domain.outcomes import Tally

DEAD_LETTERS_MAX = 100


@dataclass(frozen=True, slots=True)
class PayableParts:
    """The stored rows of a batch's payments: all of them, by source and by branch."""

    total: Tally
    by_source: dict[str, Tally]
    by_branch: dict[str, Tally]


def read_progress(connection: Connection, statement: StatementRun) -> RunProgress:
    """How much of what a run is compared with has arrived."""
    row = run(
        connection,
        """
        SELECT
            (SELECT payments FROM batch WHERE batch_id = :batch_id) AS declared_payments,
            (SELECT count(*) FROM payment WHERE batch_id = :batch_id) AS payments,
            (SELECT coalesce(sum(version), 0) FROM payment WHERE batch_id = :batch_id) AS versions,
            (SELECT count(*) FROM waiting WHERE batch_id = :batch_id) AS waiting,
            (SELECT count(*) FROM statement_line WHERE run_id = :run_id) AS lines,
            (
                SELECT coalesce(sum(amount_cents), 0)
                FROM statement_line
                WHERE run_id = :run_id
            ) AS amount_cents""",
        batch_id=statement.batch_id,
        run_id=statement.run_id,
    ).mappings()
    return RunProgress(**row.one())


def find_dead_letters(connection: Connection, batch_id: UUID) -> list[tuple[int, str]]:
    """The batch's dead letters here that nobody has redriven: (dead letter id, code).

    Without those refused for their signature: anybody may have written them, about any batch.
    """
    rows = run(
        connection,
        """
        SELECT dead_letter_id, code
        FROM dead_letter
        WHERE correlation = :batch_id
            AND redriven_at IS NULL
            AND code <> ALL(CAST(:refused AS text[]))
        ORDER BY 1
        LIMIT :count_max""",
        batch_id=str(batch_id),
        refused=list(message_signatures.CODES),
        count_max=DEAD_LETTERS_MAX,
    )
    return [(row.dead_letter_id, row.code) for row in rows]


def read_versions(connection: Connection, statement: StatementRun) -> VersionsAtClose:
    """The versions of the batch's payments now and at the run's close, by the events' times."""
    row = run(
        connection,
        """
        SELECT
            (SELECT sum(version) FROM payment WHERE batch_id = :batch_id) AS versions,
            coalesce(sum(at_close.version), 0) AS versions_then,
            coalesce(bool_or(at_close.status_changed_at > :begun_at), false) AS status_changed
        FROM payment p
        CROSS JOIN LATERAL (
            SELECT
                max(c.version) AS version,
                max(c.occurred_at) FILTER (WHERE c.status <> coalesce(
                    (
                        SELECT before.status
                        FROM payment_change before
                        WHERE before.payment_id = c.payment_id
                            AND before.version = c.version - 1
                    ),
                    'unprocessed'
                )) AS status_changed_at
            FROM payment_change c
            WHERE c.payment_id = p.payment_id
                AND c.occurred_at <= :closed_at
        ) AS at_close
        WHERE p.batch_id = :batch_id""",
        batch_id=statement.batch_id,
        begun_at=statement.begun_at,
        closed_at=statement.closed_at,
    ).one()
    return VersionsAtClose(row.versions, row.versions_then, row.status_changed)


def find_unknown_lines(connection: Connection, statement: StatementRun) -> list[UnknownLine]:
    """The lines of a run that name no approved payment, with their source accounts.

    An account that pays nothing else of the batch is named by routing number and last digits.
    """
    rows = run(
        connection,
        """
        SELECT
            CASE WHEN l.payment_id IS NULL THEN '' ELSE l.stated_payment_id END,
            l.provider_payment_id, l.provider_status, l.amount_cents,
            'source:' || coalesce(
                (
                    SELECT min(p.source_account_id)
                    FROM payment p
                    WHERE p.batch_id = :batch_id
                        AND p.source_routing = l.source_routing
                        AND p.source_last4 = l.source_last4
                ),
                l.source_routing || ' …' || l.source_last4
            )
        FROM statement_line l
        WHERE l.run_id = :run_id
            AND (
                l.payment_id IS NULL
                OR NOT EXISTS (SELECT FROM payment p WHERE p.payment_id = l.payment_id)
            )
        ORDER BY l.line""",
        run_id=statement.run_id,
        batch_id=statement.batch_id,
    )
    return [UnknownLine(*row) for row in rows]


def find_shared_provider_payments(connection: Connection, batch_id: UUID) -> list[tuple[str, int]]:
    """The provider payments that several payments of a batch claim: (its id, how many)."""
    rows = run(
        connection,
        """
        SELECT provider_payment_id, count(*) AS claims
        FROM payment
        WHERE batch_id = :batch_id
            AND provider_payment_id <> ''
        GROUP BY 1
        HAVING count(*) > 1
        ORDER BY 1""",
        batch_id=batch_id,
    )
    return [(row.provider_payment_id, row.claims) for row in rows]


def find_unknown_journals(connection: Connection, batch_id: UUID) -> list[UnknownJournal]:
    """The journals of a batch that belong to none of its approved payments.

    Each payment is looked up by its key: without statistics of a batch that has just come in, the
    planner compared every journal with every payment.
    """
    rows = run(
        connection,
        """
        SELECT j.payment_id, j.kind, j.amount_cents
        FROM journal j
        LEFT JOIN LATERAL (
            SELECT p.batch_id
            FROM payment p
            WHERE p.payment_id = j.payment_id
            OFFSET 0
        ) p ON true
        WHERE j.batch_id = :batch_id AND p.batch_id IS DISTINCT FROM j.batch_id
        ORDER BY 1, 2""",
        batch_id=batch_id,
    )
    return [UnknownJournal(*row) for row in rows]


def find_balance_differences(connection: Connection, batch_id: UUID) -> list[BalanceDifference]:
    """The balances of a batch that are not the sums of their entries."""
    rows = run(
        connection,
        """
        SELECT
            account, layer,
            coalesce(e.cents, 0), coalesce(e.rows, 0),
            coalesce(b.amount_cents, 0), coalesce(b.row_count, 0)
        FROM (
            SELECT e.account, e.layer, sum(e.amount_cents) AS cents, sum(e.row_count) AS rows
            FROM journal j
            JOIN entry e USING (journal_id)
            WHERE j.batch_id = :batch_id
            GROUP BY 1, 2
        ) AS e
        FULL JOIN (SELECT * FROM balance WHERE batch_id = :batch_id) AS b USING (account, layer)
        WHERE (coalesce(e.cents, 0), coalesce(e.rows, 0))
            <> (coalesce(b.amount_cents, 0), coalesce(b.row_count, 0))
        ORDER BY 1, 2""",
        batch_id=batch_id,
    )
    return [BalanceDifference(*row) for row in rows]


def find_unbalanced_layers(connection: Connection) -> list[tuple[str, Tally]]:
    """The layers in which all balances of the ledger do not sum to zero, with what is left over."""
    rows = run(
        connection,
        """
        SELECT layer, sum(amount_cents) AS cents, sum(row_count) AS rows
        FROM balance
        GROUP BY layer
        HAVING sum(amount_cents) <> 0 OR sum(row_count) <> 0
        ORDER BY 1""",
    )
    return [(row.layer, Tally(row.rows, row.cents)) for row in rows]


def read_payable_parts(connection: Connection, batch_id: UUID) -> PayableParts:
    """What the stored rows of a batch's payments come to."""
    total = Tally()
    by_source: dict[str, Tally] = {}
    by_branch: dict[str, Tally] = {}
    for row in run(
        connection,
        """
        SELECT
            p.source_account_id, r.branch_id,
            count(*) AS rows,
            CAST(sum(r.amount_cents) AS bigint) AS cents
        FROM payment p
        JOIN payment_row r USING (payment_id)
        WHERE p.batch_id = :batch_id
        GROUP BY 1, 2""",
        batch_id=batch_id,
    ):
        part, source, branch = Tally(row.rows, row.cents), row.source_account_id, row.branch_id
        total += part
        by_source[source] = by_source.get(source, Tally()) + part
        by_branch[branch] = by_branch.get(branch, Tally()) + part
    return PayableParts(total, by_source, by_branch)
