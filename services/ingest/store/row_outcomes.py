"""The outcomes of rows in table `batch_row`, and the payment of every payable row.

One statement writes outcomes (`_write`). It takes them from a common table expression named
`outcome`, with the columns row_id, status, reason_code, reason, merchant_id, payment_id, revision.
"""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from services.ingest.domain.batch import Batch
from services.ingest.handlers import PreflightOutcomes

_WRITE: Final = """
    UPDATE batch_row r
    SET status = o.status, reason_code = o.reason_code, reason = o.reason,
        merchant_id = o.merchant_id, payment_id = o.payment_id, revision = o.revision
    FROM outcome o
    WHERE r.row_id = o.row_id AND r.revision < o.revision"""

# A row is unpayable for the provider's reasons first, then excluded because it is paid elsewhere.
# All rows of one source, employee and loan are one payment: that of the first of them.
_OF_PREFLIGHT: Final = """
    institution AS (
        SELECT *
        FROM unnest(
            CAST(:institutions AS text[]), CAST(:merchants AS text[]), CAST(:reasons AS text[])
        ) AS i(id, merchant, reason)
    ), source AS (
        SELECT *
        FROM unnest(
            CAST(:sources AS text[]), CAST(:codes AS text[]), CAST(:messages AS text[])
        ) AS s(id, code, message)
    ), refused AS (
        SELECT DISTINCT ON (employee_id, person_index, loan_index) *
        FROM unnest(
            CAST(:refused_employees AS text[]), CAST(:refused_people AS text[]),
            CAST(:refused_loans AS text[]), CAST(:refused_messages AS text[])
        ) AS f(employee_id, person_index, loan_index, message)
        ORDER BY employee_id, person_index, loan_index
    ), examined AS (
        SELECT r.row_id, r.file_row, r.own_payment_id,
            r.source_account_id, r.employee_id, r.loan_index,
            r.revision AS old_revision, r.status AS old_status,
            r.reason_code AS old_reason_code, r.reason AS old_reason,
            r.merchant_id AS old_merchant_id, r.payment_id AS old_payment_id,
            coalesce(i.merchant, '') AS merchant_id,
            CASE
                WHEN i.merchant = '' THEN ARRAY['unpayable', 'no_merchant', i.reason]
                WHEN s.id IS NOT NULL THEN ARRAY['unpayable', s.code, s.message]
                WHEN r.employee_id = ANY(CAST(:people AS text[])) THEN
                    ARRAY['unpayable', 'inactive_person',
                          'The provider has disabled this person.']
                WHEN r.loan_index = ANY(CAST(:loans AS text[])) THEN
                    ARRAY['unpayable', 'inactive_loan',
                          'The provider has disabled or closed this loan.']
                WHEN fp.employee_id IS NOT NULL THEN
                    ARRAY['unpayable', 'refused_person',
                          'The provider refused this person: ' || fp.message]
                WHEN fl.employee_id IS NOT NULL THEN
                    ARRAY['unpayable', 'refused_loan',
                          'The provider refused this loan: ' || fl.message]
                WHEN c.batch_id IS NOT NULL THEN
                    ARRAY['excluded', 'already_in_period',
                          'already in batch ' || c.batch_id || ' of this period']
                WHEN d.batch_id IS NOT NULL THEN
                    ARRAY['excluded', 'already_in_period',
                          'already in batch ' || d.batch_id || CASE
                              WHEN d.days = g.days THEN ' of this period'
                              ELSE ' for days of this period ('
                                  || lower(d.days * g.days) || ' to '
                                  || upper(d.days * g.days) - 1 || ')'
                          END]
                WHEN CAST(:same_people AS jsonb) ? CAST(r.row_id AS text) THEN
                    ARRAY['excluded', 'same_person_in_period',
                          CAST(:same_people AS jsonb) ->> CAST(r.row_id AS text)]
                WHEN p.row_id IS NOT NULL THEN
                    ARRAY['excluded', 'already_in_payment',
                          'already in payment ' || p.payment_id]
                ELSE ARRAY['payable', '', '']
            END AS outcome
        FROM batch_row r
        CROSS JOIN (
            SELECT daterange(CAST(:first AS date), CAST(:last AS date), '[]') AS days) g
        LEFT JOIN institution i ON i.id = r.institution_id
        LEFT JOIN source s ON s.id = r.source_account_id
        LEFT JOIN refused fp ON fp.loan_index = '' AND fp.employee_id = r.employee_id
            AND fp.person_index = r.person_index
        LEFT JOIN refused fl ON fl.loan_index = r.loan_index AND fl.employee_id = r.employee_id
            AND fl.person_index = r.person_index
        LEFT JOIN claim c ON c.period = :period AND c.employee_id = r.employee_id
            AND c.loan_index = r.loan_index AND c.family_id <> :family
        LEFT JOIN LATERAL (
            SELECT d.batch_id, d.days
            FROM claimed_days d
            WHERE d.loan_key = r.loan_key AND d.person_key = r.person_key
                AND d.days && g.days AND d.family_id <> :family
            ORDER BY d.days
            LIMIT 1) d ON true
        LEFT JOIN payment_row p ON p.root_row_id = r.root_row_id AND NOT p.released
        WHERE r.batch_id = :id AND r.status <> 'refused'
    ), decided AS (
        SELECT e.*,
            e.outcome[1] AS status, e.outcome[2] AS reason_code, e.outcome[3] AS reason,
            CASE e.outcome[1] WHEN 'payable' THEN
                first_value(e.own_payment_id) OVER (
                    PARTITION BY e.outcome[1], e.source_account_id, e.employee_id, e.loan_index
                    ORDER BY e.file_row)
            END AS payment_id
        FROM examined e
    ), outcome AS (
        SELECT row_id, status, reason_code, reason, merchant_id, payment_id,
            CAST(:revision AS int) AS revision
        FROM decided
        WHERE old_revision = 0
            OR (old_status, old_reason_code, old_reason, old_merchant_id, old_payment_id)
                IS DISTINCT FROM (status, reason_code, reason, merchant_id, payment_id)
    )"""

_OF_INCLUDES: Final = """
    outcome AS (
        SELECT r.row_id, 'payable' AS status, 'included' AS reason_code,
            'included by ' || :person || ', was ' || i.was || ': ' || i.reason AS reason,
            r.merchant_id,
            first_value(r.own_payment_id) OVER (
                PARTITION BY r.source_account_id, r.employee_id, r.loan_index
                ORDER BY r.file_row) AS payment_id,
            CAST(:revision AS int) AS revision
        FROM batch_row r
        JOIN include i USING (row_id)
        WHERE r.batch_id = :id
    )"""

_OF_MESSAGES: Final = """
    outcome AS (
        SELECT *
        FROM unnest(
            CAST(:row_ids AS uuid[]), CAST(:statuses AS text[]),
            CAST(:codes AS text[]), CAST(:reasons AS text[]),
            CAST(:merchants AS text[]), CAST(:payments AS uuid[]), CAST(:revisions AS int[])
        ) AS o(row_id, status, reason_code, reason, merchant_id, payment_id, revision)
    )"""


def _write(connection: Connection, outcome: str, **values: object) -> None:
    run(connection, f"WITH {outcome} {_WRITE}", **values)


def write_preflight(
    connection: Connection,
    batch: Batch,
    found: PreflightOutcomes,
    same_people: Mapping[UUID, str] = MappingProxyType({}),
) -> None:
    """Write the outcome of every row that is not refused, as of the batch's revision.

    Only rows whose outcome changes get the revision. A row is excluded if another family of
    batches has claimed its loan for days of this period, if its loan is paid there for the same
    person under another id, or if its file row is in a live payment. A second call changes
    nothing.

    Args:
        same_people: the rows of people who are paid under another id, with the reason to show.
    """
    _write(
        connection,
        _OF_PREFLIGHT,
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
        first=batch.period,
        last=batch.last_day,
        same_people=json.dumps({str(row_id): reason for row_id, reason in same_people.items()}),
        refused_employees=found.refused[0],
        refused_people=found.refused[1],
        refused_loans=found.refused[2],
        refused_messages=found.refused[3],
    )
    run(
        connection,
        """
        UPDATE batch_row
        SET revision = :revision
        WHERE batch_id = :id AND status = 'refused' AND revision = 0""",
        id=batch.batch_id,
        revision=batch.revision,
    )


def write_includes(connection: Connection, batch: Batch, revision: int, person: str) -> None:
    """Make the included rows of a batch payable, as of this revision.

    A second call changes nothing. `domain.approval.parse_inclusion` reads the reason again.
    """
    _write(connection, _OF_INCLUDES, id=batch.batch_id, revision=revision, person=person)


def write_published(connection: Connection, messages: Sequence[RowRead]) -> None:
    """Write the outcomes that were published. Rows of the same or a newer revision stay."""
    _write(
        connection,
        _OF_MESSAGES,
        row_ids=[str(m.row_id) for m in messages],
        statuses=[m.status for m in messages],
        codes=[m.reason_code for m in messages],
        reasons=[m.reason for m in messages],
        merchants=[m.merchant_id for m in messages],
        payments=[str(m.payment_id) if m.payment_id else None for m in messages],
        revisions=[m.revision for m in messages],
    )
