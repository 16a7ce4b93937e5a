"""Rows in the database: staged by COPY, judged set-based, totalled, and given out in the order of the file."""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from services.ingest.domain import ADDRESS_WARNINGS, NOT_LIVE, Batch, Overlap
from services.ingest.handlers import Judgements

PAGE: Final = 5_000
OVERLAPS_MAX: Final = 20


class Staged(NamedTuple):
    """A row as it is staged, in the order of the table's columns."""

    row_id: UUID
    root_row_id: UUID
    batch_id: UUID
    file_row: int
    line: int
    status: str
    reason_code: str
    reason: str
    own_payment_id: UUID
    employee_id: str
    branch_id: str
    source_account_id: str
    institution_id: str
    first_name: str
    last_name: str
    loan_last4: str
    loan_index: str
    person_index: str
    dob_index: str
    phone_index: str
    amount_text: str
    amount_cents: int


class Seal(NamedTuple):
    """The sealed fields of a row; empty where the row has none."""

    row_id: UUID
    first_name: str
    last_name: str
    dob: str
    phone: str
    loan: str
    written: str


class StoredIssue(NamedTuple):
    """An issue of a row, or with file_row 0 of the batch; `value` is masked."""

    batch_id: UUID
    file_row: int
    line: int
    field: str
    code: str
    outcome: str
    value: str
    message: str


class StoredSource(NamedTuple):
    """A source account of a batch; `account` is sealed."""

    batch_id: UUID
    source_account_id: str
    payor_name: str
    dba: str
    ein: str
    aba_routing: str
    account_last4: str
    account: str
    account_index: str
    line1: str
    city: str
    state: str
    zip: str


_TABLES: Final = {
    Staged: "batch_row",
    Seal: "row_seal",
    StoredIssue: "issue",
    StoredSource: "batch_source",
}
# Joined by characters XML cannot hold, escaped as a whole, and only then cut: ten times as fast as value by value.
_CELL, _LINE = "\x1f", "\x1e"
_ESCAPES: Final = (
    ("\\", "\\\\"),
    ("\t", "\\t"),
    ("\n", "\\n"),
    ("\r", "\\r"),
    (_CELL, "\t"),
    (_LINE, "\n"),
)


def copy(connection: Connection, kind: type[NamedTuple], records: Iterable[NamedTuple]) -> None:
    """Write records of one kind by COPY: ten times as fast as INSERT."""
    lines = "".join([_CELL.join(map(str, record)) + _LINE for record in records])
    for old, new in _ESCAPES:
        lines = lines.replace(old, new)
    if lines:
        raw: Any = (
            connection.connection.driver_connection
        )  # psycopg2's own; COPY has no SQLAlchemy face
        with raw.cursor() as cursor:
            cursor.copy_expert(
                f"COPY {_TABLES[kind]} ({', '.join(kind._fields)}) FROM STDIN", io.StringIO(lines)
            )


def refuse_all(
    connection: Connection,
    batch_id: UUID,
    column: str,
    key: str,
    code: str,
    message: str,
    field: str,
) -> None:
    """Refuse all rows of one employee or of one source, each with its issue; rows refused for a source lose it."""
    assert column in {"employee_id", "source_account_id"}
    run(
        connection,
        f"""
        INSERT INTO issue (batch_id, file_row, line, field, code, outcome, value, message)
        SELECT batch_id, file_row, line, :field, :code, 'row', :key, :message FROM batch_row
        WHERE batch_id = :id AND {column} = :key ORDER BY file_row""",  # noqa: S608 - one of two column names
        id=batch_id,
        key=key,
        code=code,
        message=message,
        field=field,
    )
    gone = ", source_account_id = ''" if column == "source_account_id" else ""
    run(
        connection,
        f"""
        UPDATE batch_row SET reason_code = CASE status WHEN 'refused' THEN reason_code ELSE :code END,
                             reason = CASE status WHEN 'refused' THEN reason ELSE :message END, status = 'refused'{gone}
        WHERE batch_id = :id AND {column} = :key""",  # noqa: S608
        id=batch_id,
        key=key,
        code=code,
        message=message,
    )


def rename_source(connection: Connection, batch_id: UUID, old: str, new: str) -> None:
    """Put the rows of a payor id under another: two ids on one account are one source."""
    run(
        connection,
        "UPDATE batch_row SET source_account_id = :new WHERE batch_id = :id AND source_account_id = :old",
        id=batch_id,
        old=old,
        new=new,
    )


_KNOWN: Final = (
    (
        "W_EMPLOYEE_NAME",
        "Employee/LastName",
        "(r.first_name, r.last_name) <> (k.first_name, k.last_name)",
    ),
    ("W_EMPLOYEE_PHONE", "Employee/PhoneNumber", "r.phone_index <> k.phone_index"),
    ("W_EMPLOYEE_BRANCH", "Employee/DunkinBranch", "r.branch_id <> k.branch_id"),
)


def compare_with_known_people(
    connection: Connection, batch_id: UUID, sentences: dict[str, str]
) -> None:
    """Hold the rows against the people paid before: another birth date refuses all rows of that employee, other details warn once each."""
    known = "FROM batch_row r JOIN person USING (employee_id) JOIN batch_row k ON k.row_id = person.row_id WHERE r.batch_id = :id AND r.status <> 'refused'"
    code = "E_EMPLOYEE_OTHER_DOB"
    strangers = (
        run(
            connection,
            f"SELECT DISTINCT r.employee_id {known} AND r.dob_index <> k.dob_index ORDER BY 1",
            id=batch_id,
        )
        .scalars()
        .all()
    )
    for employee_id in strangers:
        refuse_all(
            connection, batch_id, "employee_id", employee_id, code, sentences[code], "Employee/DOB"
        )
    for code, field, differs in _KNOWN:
        run(
            connection,
            f"""
            INSERT INTO issue (batch_id, file_row, line, field, code, outcome, value, message)
            SELECT DISTINCT ON (r.employee_id) r.batch_id, r.file_row, r.line, :field, :code, 'warning', '', :message {known} AND {differs}
            ORDER BY r.employee_id, r.file_row""",
            id=batch_id,
            code=code,
            field=field,
            message=sentences[code],
        )


def forget_mended_warnings(
    connection: Connection, batch_id: UUID, source_account_ids: Sequence[str]
) -> None:
    """Drop the warnings about the address of sources whose address has been mended; the corrections keep what it was."""
    run(
        connection,
        """
        DELETE FROM issue i USING batch_row r WHERE i.batch_id = :id AND i.code = ANY(:codes) AND r.batch_id = i.batch_id AND r.file_row = i.file_row
            AND r.source_account_id = ANY(:sources)""",
        id=batch_id,
        codes=list(ADDRESS_WARNINGS),
        sources=list(source_account_ids),
    )


def warn(
    connection: Connection, batch_id: UUID, code: str, messages: Iterable[tuple[str, str]]
) -> None:
    """Let the warnings of one code about the whole batch be these (value, sentence), or none; a second call changes nothing."""
    run(
        connection,
        "DELETE FROM issue WHERE batch_id = :id AND file_row = 0 AND code = :code",
        id=batch_id,
        code=code,
    )
    copy(
        connection,
        StoredIssue,
        [
            StoredIssue(batch_id, 0, 0, "", code, "warning", value, message)
            for value, message in messages
        ],
    )


def overlaps(connection: Connection, batch: Batch) -> list[Overlap]:
    """What a batch has in common with each live batch of other families in its pay period; the largest first, at most `OVERLAPS_MAX`.

    One pass over the rows of these batches, grouped by what a payment is: no plan of it can be slow for want of statistics. A row that is
    refused here or there, or excluded there, is nobody's to pay twice. The account is compared as an account, not by the payor's id.
    """
    others = (
        run(
            connection,
            """
        SELECT batch_id FROM batch WHERE period = :period AND family_id <> :family AND status <> ALL(:ended)""",
            period=batch.period,
            family=batch.family_id,
            ended=list(NOT_LIVE),
        )
        .scalars()
        .all()
    )
    if not others:
        return []
    found = run(
        connection,
        """
        WITH shared AS (
                SELECT count(*) FILTER (WHERE r.batch_id = :id) AS rows, sum(r.amount_cents) FILTER (WHERE r.batch_id = :id) AS cents,
                    count(*) FILTER (WHERE r.batch_id = :id AND r.status = 'payable') AS payable_rows,
                    sum(r.amount_cents) FILTER (WHERE r.batch_id = :id AND r.status = 'payable') AS payable_cents,
                    array_agg(DISTINCT r.batch_id) FILTER (WHERE r.batch_id <> :id) AS others
                FROM batch_row r JOIN batch_source s ON s.batch_id = r.batch_id AND s.source_account_id = r.source_account_id
                WHERE (r.batch_id = :id AND r.status <> 'refused')
                    OR (r.batch_id = ANY(CAST(:others AS uuid[])) AND r.status NOT IN ('refused', 'excluded'))
                GROUP BY r.employee_id, r.loan_index, s.ein, s.account_index HAVING count(DISTINCT r.batch_id) > 1)
        SELECT b.batch_id, b.status, sum(s.rows)::int AS rows, sum(s.cents)::bigint AS amount_cents, sum(s.payable_rows)::int AS payable_rows,
            coalesce(sum(s.payable_cents), 0)::bigint AS payable_cents
        FROM shared s CROSS JOIN unnest(s.others) AS o(batch_id) JOIN batch b USING (batch_id)
        WHERE s.rows > 0 GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT :most""",
        id=batch.batch_id,
        others=list(others),
        most=OVERLAPS_MAX,
    )
    return [Overlap(**row) for row in found.mappings()]


def judge(connection: Connection, batch: Batch, found: Judgements) -> None:
    """Fix the outcome of every row that was not refused, and the payment of every payable one; only rows that change get the revision.

    A row whose loan is claimed in this period by another family of batches, or whose root is in a live payment, is excluded.
    """
    run(
        connection,
        """
        WITH institution AS (
                SELECT * FROM unnest(CAST(:institutions AS text[]), CAST(:merchants AS text[]), CAST(:reasons AS text[])) AS i(id, merchant, reason)),
             source AS (SELECT * FROM unnest(CAST(:sources AS text[]), CAST(:codes AS text[]), CAST(:messages AS text[])) AS s(id, code, message)),
             judged AS (
                SELECT r.row_id, r.file_row, r.own_payment_id, r.source_account_id, r.employee_id, r.loan_index, coalesce(i.merchant, '') AS merchant,
                    CASE WHEN i.merchant = '' THEN ARRAY['unpayable', 'no_merchant', i.reason]
                         WHEN s.id IS NOT NULL THEN ARRAY['unpayable', s.code, s.message]
                         WHEN r.employee_id = ANY(CAST(:people AS text[]))
                             THEN ARRAY['unpayable', 'inactive_person', 'The provider has disabled this person.']
                         WHEN r.loan_index = ANY(CAST(:loans AS text[]))
                             THEN ARRAY['unpayable', 'inactive_loan', 'The provider has disabled or closed this loan.']
                         WHEN c.batch_id IS NOT NULL THEN ARRAY['excluded', 'already_in_period', 'already in batch ' || c.batch_id || ' of this period']
                         WHEN p.row_id IS NOT NULL THEN ARRAY['excluded', 'already_in_payment', 'already in payment ' || p.payment_id]
                         ELSE ARRAY['payable', '', ''] END AS outcome
                FROM batch_row r LEFT JOIN institution i ON i.id = r.institution_id LEFT JOIN source s ON s.id = r.source_account_id
                    LEFT JOIN claim c ON c.period = :period AND c.employee_id = r.employee_id AND c.loan_index = r.loan_index AND c.family_id <> :family
                    LEFT JOIN payment_row p ON p.root_row_id = r.root_row_id AND NOT p.released
                WHERE r.batch_id = :id AND r.status <> 'refused'),
             settled AS (
                SELECT row_id, merchant, outcome[1] AS status, outcome[2] AS code, outcome[3] AS reason, CASE outcome[1] WHEN 'payable' THEN
                    first_value(own_payment_id) OVER (PARTITION BY outcome[1], source_account_id, employee_id, loan_index ORDER BY file_row) END AS payment_id
                FROM judged)
        UPDATE batch_row r SET status = s.status, reason_code = s.code, reason = s.reason, merchant_id = s.merchant, payment_id = s.payment_id,
            revision = :revision
        FROM settled s WHERE r.row_id = s.row_id AND (r.revision = 0 OR
            (r.status, r.reason_code, r.reason, r.merchant_id, r.payment_id) IS DISTINCT FROM (s.status, s.code, s.reason, s.merchant, s.payment_id))""",
        id=batch.batch_id,
        period=batch.period,
        family=batch.family_id,
        revision=batch.revision,
        institutions=found.institutions[0],
        merchants=found.institutions[1],
        reasons=found.institutions[2],
        sources=found.sources[0],
        codes=found.sources[1],
        messages=found.sources[2],
        people=found.people,
        loans=found.loans,
    )
    run(
        connection,
        "UPDATE batch_row SET revision = :revision WHERE batch_id = :id AND status = 'refused' AND revision = 0",
        id=batch.batch_id,
        revision=batch.revision,
    )


def total(connection: Connection, batch_id: UUID) -> None:
    """Write the totals of a batch anew, from its rows."""
    run(connection, "DELETE FROM batch_total WHERE batch_id = :id", id=batch_id)
    run(
        connection,
        """
        INSERT INTO batch_total (batch_id, kind, id, status, rows, amount_cents)
        SELECT batch_id, 'source', source_account_id, status, count(*), sum(amount_cents) FROM batch_row WHERE batch_id = :id GROUP BY 1, 3, 4
        UNION ALL
        SELECT batch_id, 'branch', branch_id, status, count(*), sum(amount_cents) FROM batch_row WHERE batch_id = :id GROUP BY 1, 3, 4""",
        id=batch_id,
    )


def pages(connection: Connection, batch_id: UUID) -> Iterator[Sequence[Any]]:
    """What a digest covers of all rows of a batch, as text, and whether the row is of the newest revision; in the order of the file."""
    after = 0
    while True:
        page = run(
            connection,
            """
            SELECT r.row_id::text, r.root_row_id::text, r.file_row, r.status, r.reason_code, r.reason, r.amount_text, r.amount_cents, r.payment_id::text,
                   r.employee_id, r.branch_id, r.source_account_id, r.institution_id, r.merchant_id, r.person_index, r.loan_index,
                   r.revision = b.revision AS fresh
            FROM batch_row r JOIN batch b USING (batch_id)
            WHERE r.batch_id = :id AND r.file_row > :after ORDER BY r.file_row LIMIT :page""",
            id=batch_id,
            after=after,
            page=PAGE,
        ).all()
        if not page:
            return
        yield page
        after = page[-1].file_row


def publish(
    connection: Connection, row_ids: Sequence[str], event_ids: Sequence[str], now: datetime
) -> None:
    """Write the RowRead messages of these rows, made by the database: fifty thousand of them in Python took longer than all the rest.

    They were never published at this revision, so none of them can be in the outbox.
    """
    run(
        connection,
        """
        INSERT INTO outbox (event_id, topic, message_key, message_type, correlation, body)
        SELECT e.event_id, :topic, e.row_id::text, :type, m.correlation, row_to_json(m)::text
        FROM unnest(CAST(:rows AS uuid[]), CAST(:events AS uuid[])) WITH ORDINALITY AS e(row_id, event_id, n),
            LATERAL (
                SELECT :type AS type, e.event_id, :now AS occurred_at, r.batch_id::text AS correlation, r.row_id, r.root_row_id, r.batch_id, r.revision,
                    r.file_row, r.status, r.reason_code, r.reason, r.payment_id, r.employee_id, r.branch_id, r.source_account_id,
                    coalesce(b.account_last4, '') AS source_last4, r.institution_id, r.merchant_id, r.loan_last4, r.loan_index, r.person_index,
                    r.amount_text, r.amount_cents, s.first_name, s.last_name, s.dob, s.phone, s.loan
                FROM batch_row r JOIN row_seal s USING (row_id)
                    LEFT JOIN batch_source b ON b.batch_id = r.batch_id AND b.source_account_id = r.source_account_id
                WHERE r.row_id = e.row_id) m
        ORDER BY e.n""",
        rows=list(row_ids),
        events=list(event_ids),
        topic=RowRead.topic.name,
        type=RowRead.name(),
        now=now.isoformat(),
    )
    run(connection, "SELECT pg_notify('outbox', '')")


def sealed(connection: Connection, batch_id: UUID) -> Iterator[Sequence[Any]]:
    """All rows of a batch with their seals (`<field>_seal`), in the order of the file, some thousands at a time."""
    after = 0
    while True:
        page = run(
            connection,
            """
            SELECT r.*, s.first_name AS first_name_seal, s.last_name AS last_name_seal, s.dob AS dob_seal, s.phone AS phone_seal, s.loan AS loan_seal,
                   s.written AS written_seal
            FROM batch_row r JOIN row_seal s USING (row_id)
            WHERE r.batch_id = :id AND r.file_row > :after ORDER BY r.file_row LIMIT :page""",
            id=batch_id,
            after=after,
            page=PAGE,
        ).all()
        if not page:
            return
        yield page
        after = page[-1].file_row
