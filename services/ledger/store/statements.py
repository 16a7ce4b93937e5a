"""The provider's statements as they come in, and everything a judgement reads. SQL only; the judgement is `reconcile.py`'s."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.provider import StatementClosed, StatementLine
from libs.common.database.engine import run
from services.ledger.handlers import Conflict
from services.ledger.reconciliation.rules import Finding, Line, Paid, Tally

PAGE = 5_000
#: Every version at any time; what a cut is when nothing has changed since the walk began.
ALWAYS = "infinity"


@dataclass(frozen=True, slots=True)
class Run:
    """A closed walk through the provider's list, and what was judged of it so far (`verdict` is None: nothing yet)."""

    run_id: UUID
    batch_id: UUID
    complete: bool
    lines: int
    amount_cents: int
    begun_at: datetime
    closed_at: datetime
    final_versions: int
    dead_letters: int
    message: str
    verdict: str | None
    break_count: int
    judgements: int


def _payment_id(stated: str) -> str | None:
    try:
        return str(UUID(stated))
    except ValueError:
        return None  # metadata that is not ours


def put_lines(connection: Connection, events: Sequence[StatementLine]) -> None:
    """Keep lines; the same line again changes nothing.

    Raises:
        Conflict: a line number of a run came again with other content.
    """
    columns: dict[str, list[Any]] = {
        "run_id": [str(e.run_id) for e in events],
        "line": [e.line for e in events],
        "payment_id": [_payment_id(e.payment_id) for e in events],
        "stated": [e.payment_id for e in events],
    }
    names = (
        "provider_payment_id",
        "provider_status",
        "amount_cents",
        "source_routing",
        "source_last4",
        "employee_id",
        "person_index",
        "merchant_id",
        "loan_last4",
    )
    columns |= {name: [getattr(e, name) for e in events] for name in names}
    given = """unnest(CAST(:run_id AS uuid[]), CAST(:line AS int[]), CAST(:provider_payment_id AS text[]), CAST(:stated AS text[]),
        CAST(:payment_id AS uuid[]), CAST(:provider_status AS text[]), CAST(:amount_cents AS bigint[]), CAST(:source_routing AS text[]),
        CAST(:source_last4 AS text[]), CAST(:employee_id AS text[]), CAST(:person_index AS text[]), CAST(:merchant_id AS text[]),
        CAST(:loan_last4 AS text[]))"""
    run(
        connection,
        f"""
        INSERT INTO statement_line (run_id, line, provider_payment_id, stated_payment_id, payment_id, provider_status, amount_cents,
            source_routing, source_last4, employee_id, person_index, merchant_id, loan_last4)
        SELECT * FROM {given} ON CONFLICT DO NOTHING""",  # noqa: S608
        **columns,
    )
    other = run(
        connection,
        f"""
        SELECT count(*) FROM (SELECT * FROM {given} EXCEPT SELECT l.* FROM statement_line l
            JOIN unnest(CAST(:run_id AS uuid[]), CAST(:line AS int[])) AS k(run_id, line) USING (run_id, line)) AS different""",  # noqa: S608
        **columns,
    ).scalar()
    if other:
        raise Conflict("a line of a statement came again with other content")


def put_closings(connection: Connection, events: Sequence[StatementClosed]) -> None:
    """Keep the ends of statements; a second end of the same run changes nothing.

    Raises:
        Conflict: the second end says something else.
    """
    for event in events:  # one per walk
        values = event.model_dump(
            include={
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
                "message",
            }
        )
        names = ", ".join(values)
        run(
            connection,
            f"""
            INSERT INTO statement_run ({names}, closed_at) VALUES ({", ".join(":" + name for name in values)}, :closed_at)
            ON CONFLICT DO NOTHING""",  # noqa: S608
            **values,
            closed_at=event.occurred_at,
        )
        kept = (
            run(
                connection,
                f"SELECT {names} FROM statement_run WHERE run_id = :id",  # noqa: S608
                id=event.run_id,
            )
            .mappings()
            .one()
        )
        if dict(kept) != values:
            raise Conflict(f"statement {event.run_id} was closed twice, differently")


def unjudged(connection: Connection, batch_ids: Sequence[UUID]) -> list[Run]:
    """The runs of these batches that still want a judgement, oldest first; a walk that was cut short wants it once."""
    rows = run(
        connection,
        """
        SELECT run_id, batch_id, complete, lines, amount_cents, begun_at, closed_at, final_versions, dead_letters, message, verdict, break_count,
            judgements
        FROM statement_run WHERE batch_id = ANY(CAST(:ids AS uuid[])) AND (verdict IS NULL OR (verdict = 'incomplete' AND complete))
        ORDER BY begun_at, run_id""",
        ids=[str(i) for i in batch_ids],
    )
    return [Run(**row) for row in rows.mappings()]


def obstacles(connection: Connection, walk: Run) -> list[Finding]:
    """What is still missing before a run can be judged; empty when everything is here."""
    row = run(
        connection,
        """
        SELECT b.payments, (SELECT count(*) FROM payment WHERE batch_id = :batch) AS approved,
            (SELECT coalesce(sum(version), 0) FROM payment WHERE batch_id = :batch) AS versions,
            (SELECT count(*) FROM waiting WHERE batch_id = :batch) AS waiting,
            (SELECT count(*) FROM statement_line WHERE run_id = :run) AS lines,
            (SELECT coalesce(sum(amount_cents), 0) FROM statement_line WHERE run_id = :run) AS cents
        FROM (SELECT 1) AS always LEFT JOIN batch b ON b.batch_id = :batch""",
        batch=walk.batch_id,
        run=walk.run_id,
    ).one()
    missing = []
    if not row.payments:
        missing.append(
            Finding("waiting", "batch", expected="the approved batch", found="not here yet")
        )
    elif row.approved < row.payments:
        missing.append(
            Finding(
                "waiting",
                "approvals",
                expected=f"{row.payments} approved payments",
                found=f"{row.approved}",
            )
        )
    if row.versions < walk.final_versions:
        missing.append(
            Finding(
                "waiting",
                "statuses",
                expected=f"{walk.final_versions} versions of statuses",
                found=f"{row.versions}",
            )
        )
    if row.waiting:
        missing.append(
            Finding(
                "waiting",
                "changes",
                expected="every status in its turn",
                found=f"{row.waiting} wait for an earlier one",
            )
        )
    if (row.lines, row.cents) != (walk.lines, walk.amount_cents):
        missing.append(
            Finding(
                "incomplete",
                "lines",
                expected=f"{walk.lines} lines, {walk.amount_cents} cents",
                found=f"{row.lines} lines, {row.cents} cents",
            )
        )
    letters = run(
        connection,
        "SELECT dead_letter_id, code FROM dead_letter WHERE correlation = :batch AND redriven_at IS NULL ORDER BY 1 LIMIT 100",
        batch=str(walk.batch_id),
    )
    return missing + [
        Finding(
            "dead_letter", str(row.dead_letter_id), expected="every message applied", found=row.code
        )
        for row in letters
    ]


def cut(connection: Connection, walk: Run) -> tuple[datetime | str, bool]:
    """The moment whose states a run is compared with, and whether a certificate may come of it.

    Normally nothing has changed since the walk began: every state as it is. Otherwise the states as they were when it closed, and no
    certificate if one of ours changed while it walked. By the events' own times, so that a replay in another order judges the same.
    """
    row = run(
        connection,
        """
        SELECT (SELECT sum(version) FROM payment WHERE batch_id = :batch) AS versions, coalesce(sum(known.version), 0) AS at_cut,
            coalesce(bool_or(known.changed_at > :begun), false) AS moved
        FROM payment p CROSS JOIN LATERAL (
            SELECT max(c.version) AS version, max(c.occurred_at) FILTER (WHERE c.status <> coalesce(
                (SELECT b.status FROM payment_change b WHERE b.payment_id = c.payment_id AND b.version = c.version - 1), 'unprocessed')) AS changed_at
            FROM payment_change c WHERE c.payment_id = p.payment_id AND c.occurred_at <= :closed) AS known
        WHERE p.batch_id = :batch""",
        batch=walk.batch_id,
        begun=walk.begun_at,
        closed=walk.closed_at,
    ).one()
    if row.versions == walk.final_versions:
        return ALWAYS, True
    return walk.closed_at, row.at_cut >= walk.final_versions and not row.moved


def payments(
    connection: Connection, walk: Run, until: datetime | str
) -> Iterator[list[tuple[Paid, list[Line]]]]:
    """The batch's payments as they were at the cut, with the provider's lines that name them, page after page."""
    last = UUID(int=0)
    while page := run(
        connection,
        """
            SELECT p.*, r.cents, r.rows, coalesce(s.status, 'unprocessed') AS status_then,
                coalesce((SELECT jsonb_object_agg(j.kind, j.amount_cents) FROM journal j WHERE j.payment_id = p.payment_id
                          AND j.posted_at <= CAST(:until AS timestamptz)), '{}') AS journals
            FROM (SELECT * FROM payment WHERE batch_id = :batch AND payment_id > :last ORDER BY payment_id LIMIT :page) AS p
            LEFT JOIN LATERAL (SELECT coalesce(sum(amount_cents), 0) AS cents, count(*) AS rows FROM payment_row WHERE payment_id = p.payment_id) AS r
                ON true
            LEFT JOIN LATERAL (SELECT status FROM payment_change WHERE payment_id = p.payment_id AND occurred_at <= CAST(:until AS timestamptz)
                               ORDER BY version DESC LIMIT 1) AS s ON true
            ORDER BY p.payment_id""",
        batch=walk.batch_id,
        last=last,
        page=PAGE,
        until=until,
    ).all():
        last = page[-1].payment_id
        lines: dict[UUID, list[Line]] = {}
        for row in run(
            connection,
            "SELECT * FROM statement_line WHERE run_id = :run AND payment_id = ANY(CAST(:ids AS uuid[])) ORDER BY line",
            run=walk.run_id,
            ids=[str(row.payment_id) for row in page],
        ):
            lines.setdefault(row.payment_id, []).append(
                Line(
                    row.provider_payment_id,
                    row.provider_status,
                    row.amount_cents,
                    row.source_routing,
                    row.source_last4,
                    row.employee_id,
                    row.person_index,
                    row.merchant_id,
                    row.loan_last4,
                )
            )
        yield [
            (
                Paid(
                    row.payment_id,
                    row.amount_cents,
                    row.row_count,
                    int(row.cents),
                    row.rows,
                    row.status_then,
                    row.provider_payment_id,
                    row.source_routing,
                    row.source_last4,
                    row.employee_id,
                    row.person_index,
                    row.merchant_id,
                    row.loan_last4,
                    row.journals,
                ),
                lines.get(row.payment_id, []),
            )
            for row in page
        ]


def strangers(connection: Connection, walk: Run) -> list[Finding]:
    """Lines of nobody's payment, provider payments that two of ours claim, and journals of no payment."""
    found = [
        Finding(
            "missing_here" if row.payment_id else "orphan",
            "",
            row.stated_payment_id if row.payment_id else "",
            row.provider_payment_id,
            "an approved payment",
            f"{row.amount_cents} cents, {row.provider_status} at the provider",
        )
        for row in run(
            connection,
            """
                SELECT l.* FROM statement_line l WHERE l.run_id = :run
                    AND (l.payment_id IS NULL OR NOT EXISTS (SELECT FROM payment p WHERE p.payment_id = l.payment_id)) ORDER BY l.line""",
            run=walk.run_id,
        )
    ]
    found += [
        Finding(
            "duplicate",
            "claimed",
            "",
            row.provider_payment_id,
            "one payment of ours",
            f"{row.claims} claim it",
        )
        for row in run(
            connection,
            """
                SELECT provider_payment_id, count(*) AS claims FROM payment WHERE batch_id = :batch AND provider_payment_id <> ''
                GROUP BY 1 HAVING count(*) > 1 ORDER BY 1""",
            batch=walk.batch_id,
        )
    ]
    found += [
        Finding(
            "journal",
            "of no payment",
            str(row.payment_id),
            "",
            "an approved payment",
            f"{row.kind} {row.amount_cents} cents",
        )
        for row in run(
            connection,
            """
                SELECT j.payment_id, j.kind, j.amount_cents FROM journal j WHERE j.batch_id = :batch
                    AND NOT EXISTS (SELECT FROM payment p WHERE p.payment_id = j.payment_id AND p.batch_id = j.batch_id) ORDER BY 1, 2""",
            batch=walk.batch_id,
        )
    ]
    return found


def balances(connection: Connection, batch_id: UUID) -> list[Finding]:
    """Comparison 4: each balance of a batch against the sum of its entries, and the whole ledger against zero."""
    found = [
        Finding(
            "balance",
            f"{row.account} {row.layer}",
            "",
            "",
            f"{row.entry_cents} cents, {row.entry_rows} rows",
            f"{row.cents} cents, {row.rows} rows",
        )
        for row in run(
            connection,
            """
                SELECT account, layer, coalesce(e.cents, 0) AS entry_cents, coalesce(e.rows, 0) AS entry_rows,
                    coalesce(b.amount_cents, 0) AS cents, coalesce(b.row_count, 0) AS rows
                FROM (SELECT e.account, e.layer, sum(e.amount_cents) AS cents, sum(e.row_count) AS rows
                      FROM journal j JOIN entry e USING (journal_id) WHERE j.batch_id = :batch GROUP BY 1, 2) AS e
                FULL JOIN (SELECT * FROM balance WHERE batch_id = :batch) AS b USING (account, layer)
                WHERE (coalesce(e.cents, 0), coalesce(e.rows, 0)) <> (coalesce(b.amount_cents, 0), coalesce(b.row_count, 0)) ORDER BY 1, 2""",
            batch=batch_id,
        )
    ]
    return found + [
        Finding(
            "balance",
            f"whole ledger {row.layer}",
            "",
            "",
            "0 cents",
            f"{row.cents} cents, {row.rows} rows",
        )
        for row in run(
            connection,
            """
                        SELECT layer, sum(amount_cents) AS cents, sum(row_count) AS rows FROM balance
                        GROUP BY layer HAVING sum(amount_cents) <> 0 OR sum(row_count) <> 0 ORDER BY 1""",
        )
    ]


def held(connection: Connection, batch_id: UUID) -> dict[str, dict[str, Tally]]:
    """What the batch's payments come to: by batch, by source and by branch (comparison 1)."""
    result: dict[str, dict[str, Tally]] = {"batch": {}, "source": {}, "branch": {}}
    for row in run(
        connection,
        """
            SELECT p.source_account_id, r.branch_id, count(*) AS rows, CAST(sum(r.amount_cents) AS bigint) AS cents
            FROM payment p JOIN payment_row r USING (payment_id) WHERE p.batch_id = :batch GROUP BY 1, 2""",
        batch=batch_id,
    ):
        for name, part in (
            ("batch", "payable"),
            ("source", row.source_account_id),
            ("branch", row.branch_id),
        ):
            known = result[name].get(part, Tally())
            result[name][part] = Tally(known.rows + row.rows, known.amount_cents + row.cents)
    return result
