"""The tables `account_mapping`, `accounting_export` and `exported_journal`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.database.engine import run
from services.ledger.domain.accounting import Line, MappingLine, Posting

Item = dict[str, Any]  # a row: its values are of several types

#: Journals that moved money.
_MOVING = """
    SELECT journal_id, batch_id, kind, amount_cents, posted_at
    FROM journal
    WHERE kind IN ('settle', 'reverse')
    UNION ALL
    SELECT journal_id, batch_id, 'correction', amount_cents, posted_at
    FROM correction"""
#: Those that are in no export yet, with their day in UTC. Parameters: batch_id
#: (NULL: every batch) and through (NULL: no limit).
_OPEN = f"""
    SELECT j.journal_id, j.batch_id, j.kind, j.amount_cents,
        CAST(j.posted_at AT TIME ZONE 'UTC' AS date) AS day
    FROM ({_MOVING}) j
    WHERE NOT EXISTS (SELECT FROM exported_journal x WHERE x.journal_id = j.journal_id)
        AND (CAST(:batch_id AS uuid) IS NULL OR j.batch_id = :batch_id)
        AND (
            CAST(:through AS date) IS NULL
            OR CAST(j.posted_at AT TIME ZONE 'UTC' AS date) <= :through
        )"""  # noqa: S608 - the text above
#: The entries of those journals that moved money.
_MOVED = """
    SELECT o.day, o.batch_id, o.kind, e.account, e.amount_cents
    FROM chosen o
    JOIN entry e ON e.journal_id = o.journal_id AND e.layer = 'posted'
    UNION ALL
    SELECT o.day, o.batch_id, o.kind, side.account, side.amount_cents
    FROM chosen o
    JOIN correction c ON c.journal_id = o.journal_id
    CROSS JOIN LATERAL (
        VALUES (c.from_account, -c.amount_cents), (c.to_account, c.amount_cents)
    ) AS side(account, amount_cents)"""


@dataclass(frozen=True, slots=True)
class Export:
    """The header of an export, and the lines it was made of."""

    export_id: UUID
    number: int
    batch_id: UUID | None
    through: date | None
    mapping_version: int
    journals: int
    amount_cents: int
    first_day: date
    last_day: date
    lines: Sequence[Line]
    made_by: str


def read_mapping(connection: Connection, version: int | None = None) -> Row[Any] | None:
    """A version of the mapping, by default the newest; None if there is none."""
    found: Row[Any] | None = run(
        connection,
        """
        SELECT version, lines, made_by, made_at, reason
        FROM account_mapping
        WHERE CAST(:version AS int) IS NULL OR version = :version
        ORDER BY version DESC
        LIMIT 1""",
        version=version,
    ).first()
    return found


def list_mappings(connection: Connection) -> list[Item]:
    """Every version of the mapping, newest first."""
    found = run(
        connection,
        """
        SELECT version, lines, made_by, made_at, reason
        FROM account_mapping
        ORDER BY version DESC""",
    )
    return [dict(row) for row in found.mappings()]


def insert_mapping(
    connection: Connection, version: int, lines: Sequence[MappingLine], person: str, reason: str
) -> None:
    """Add a version of the mapping.

    Raises:
        IntegrityError: there is one of this number already.
    """
    run(
        connection,
        """
        INSERT INTO account_mapping (version, lines, made_by, reason)
        VALUES (:version, CAST(:lines AS jsonb), :person, :reason)""",
        version=version,
        lines=json.dumps([asdict(line) for line in lines]),
        person=person,
        reason=reason,
    )


def sum_open(
    connection: Connection, batch_id: UUID | None, through: date | None
) -> tuple[Row[Any], list[Posting]]:
    """How many journals are in no export yet, and what they moved by day, batch, kind and account.

    The first has journals, cents, first_day and last_day; the days are None without any journal.
    """
    values = {"batch_id": batch_id, "through": through}
    head = run(
        connection,
        f"""
        SELECT count(*) AS journals, CAST(coalesce(sum(amount_cents), 0) AS bigint) AS cents,
            min(day) AS first_day, max(day) AS last_day
        FROM ({_OPEN}) AS chosen""",  # noqa: S608 - the text above
        **values,
    ).one()
    moved = run(
        connection,
        f"""
        WITH chosen AS MATERIALIZED ({_OPEN})
        SELECT m.day, m.batch_id, m.kind, m.account,
            CAST(coalesce(sum(m.amount_cents) FILTER (WHERE m.amount_cents > 0), 0) AS bigint)
                AS debit_cents,
            CAST(coalesce(-sum(m.amount_cents) FILTER (WHERE m.amount_cents < 0), 0) AS bigint)
                AS credit_cents
        FROM ({_MOVED}) AS m
        GROUP BY 1, 2, 3, 4""",  # noqa: S608 - the texts above
        **values,
    )
    return head, [
        Posting(
            row.day, str(row.batch_id), row.kind, row.account, row.debit_cents, row.credit_cents
        )
        for row in moved
    ]


def insert_export(connection: Connection, export: Export) -> None:
    """Write an export with its journals: those that `sum_open` counted in this snapshot.

    Raises:
        IntegrityError: one of them is in an export already, or the number is taken.
    """
    run(
        connection,
        f"""
        WITH header AS (
            INSERT INTO accounting_export (
                export_id, number, batch_id, through, mapping_version, journals, amount_cents,
                first_day, last_day, lines, made_by
            )
            VALUES (
                :export_id, :number, :batch_id, :through, :mapping_version, :journals,
                :amount_cents, :first_day, :last_day, CAST(:lines AS jsonb), :made_by
            )
        )
        INSERT INTO exported_journal (journal_id, export_id)
        SELECT o.journal_id, :export_id
        FROM ({_OPEN}) AS o""",  # noqa: S608 - the text above
        **{name: getattr(export, name) for name in Export.__slots__ if name != "lines"},
        lines=json.dumps([asdict(line) for line in export.lines]),
    )


def newest_export(connection: Connection) -> Row[Any] | None:
    """The export of the highest number: number and made_at; None if there is none."""
    found: Row[Any] | None = run(
        connection,
        "SELECT number, made_at FROM accounting_export ORDER BY number DESC LIMIT 1",
    ).first()
    return found


def closed_through(connection: Connection) -> date | None:
    """The last day that an export of every batch has closed; None if there is none."""
    found: date | None = run(connection, "SELECT max(through) FROM accounting_export").scalar()
    return found


def restored_at(connection: Connection) -> tuple[bool, datetime | None]:
    """Whether a restored database is not released yet, and when one was released last."""
    row = run(
        connection,
        """
        SELECT coalesce(bool_or(released_at IS NULL), false) AS held, max(released_at) AS released
        FROM restored""",
    ).one()
    return row.held, row.released


_HEADER = """
    SELECT export_id, number, batch_id, through, mapping_version, journals, amount_cents,
        first_day, last_day, made_by, made_at"""


def find_export(connection: Connection, export_id: UUID) -> Item | None:
    """An export with its lines; None if there is none."""
    found = run(
        connection,
        f"{_HEADER}, lines FROM accounting_export WHERE export_id = :id",
        id=export_id,
    )
    row = found.mappings().first()
    return None if row is None else dict(row)


def list_exports(connection: Connection, limit: int, offset: int) -> tuple[list[Item], int]:
    """The headers of exports, newest first, and how many there are in all."""
    found = run(
        connection,
        f"{_HEADER} FROM accounting_export ORDER BY number DESC LIMIT :limit OFFSET :offset",
        limit=limit,
        offset=offset,
    )
    total = run(connection, "SELECT count(*) FROM accounting_export").scalar_one()
    return [dict(row) for row in found.mappings()], int(total)


def sums_by_month(connection: Connection) -> list[Item]:
    """For each month in UTC, newest first: journals and cents that are exported, and that are not.

    `closed_by` is the number of the first export that closed the whole month; None: none has.
    """
    found = run(
        connection,
        f"""
        SELECT to_char(m.posted_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month,
            count(x.journal_id) AS exported_journals,
            CAST(coalesce(
                sum(m.amount_cents) FILTER (WHERE x.journal_id IS NOT NULL), 0
            ) AS bigint) AS exported_cents,
            count(*) FILTER (WHERE x.journal_id IS NULL) AS open_journals,
            CAST(coalesce(
                sum(m.amount_cents) FILTER (WHERE x.journal_id IS NULL), 0
            ) AS bigint) AS open_cents,
            (
                SELECT min(e.number)
                FROM accounting_export e
                WHERE e.through >= CAST(
                    date_trunc('month', max(m.posted_at AT TIME ZONE 'UTC'))
                        + interval '1 month - 1 day' AS date
                )
            ) AS closed_by
        FROM ({_MOVING}) m
        LEFT JOIN exported_journal x USING (journal_id)
        GROUP BY 1
        ORDER BY 1 DESC""",  # noqa: S608 - the text above
    )
    return [dict(row) for row in found.mappings()]
