"""The outcomes of rows in table `batch_row`, and the payment of every payable row.

One statement writes outcomes (`_write`). It takes them from a common table expression named
`outcome`, with the columns row_id, status, reason_code, reason, merchant_id, payment_id, revision.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from services.ingest.domain.approval import Include
from services.ingest.domain.batch import Batch
from services.ingest.handlers import PreflightOutcomes
from services.ingest.store.claimed_days import ARE_DAYS_TAKEN, on_given_days
from services.ingest.store.claims import CLAIMED_AS_SPELLED
from services.ingest.store.decisions import STANDING
from services.ingest.store.holds import HELD
from services.ingest.store.redirects import LOANS_REDIRECTED, OLD_LOANS_PAID, REDIRECTED

_WRITE: Final = """
    UPDATE batch_row r
    SET status = o.status, reason_code = o.reason_code, reason = o.reason,
        merchant_id = o.merchant_id, payment_id = o.payment_id, revision = o.revision
    FROM outcome o
    WHERE r.row_id = o.row_id AND r.revision < o.revision"""

# A row is excluded by a person, a redirection or a hold first, then unpayable for the provider's
# reasons, then excluded because it is paid elsewhere, unless an approver decided to include it.
# All rows of one source, employee and loan are one payment: that of the first of them.
_OF_PREFLIGHT: Final = f"""
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
    ), redirected AS MATERIALIZED (
        {LOANS_REDIRECTED}
    ), old_loan_paid AS MATERIALIZED (
        {OLD_LOANS_PAID}
    ), examined AS (
        SELECT r.row_id, r.file_row, r.own_payment_id,
            r.source_account_id, r.employee_id, r.loan_index,
            r.revision AS old_revision, r.status AS old_status,
            r.reason_code AS old_reason_code, r.reason AS old_reason,
            r.merchant_id AS old_merchant_id, r.payment_id AS old_payment_id,
            coalesce(i.merchant, '') AS merchant_id,
            CASE x.act WHEN 'include' THEN x.decided_by END AS included_by,
            x.reason AS decided_because,
            CASE
                WHEN r.redirect_of > 0 AND m.about IS DISTINCT FROM 'to' THEN
                    ARRAY['excluded', 'redirect_taken_back',
                          'row ' || r.redirect_of || ' is not redirected any more']
                WHEN x.act = 'exclude' THEN
                    ARRAY['excluded', 'excluded_by_person',
                          'excluded by ' || x.decided_by || ': ' || x.reason]
                WHEN k.reason IS NOT NULL THEN
                    ARRAY['excluded', 'redirected',
                          'redirected by ' || k.decided_by || ': ' || k.reason]
                WHEN h.reason IS NOT NULL THEN ARRAY['excluded', 'on_hold', h.reason]
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
                WHEN o.row_id IS NOT NULL THEN
                    ARRAY['excluded', 'already_in_period',
                          o.loan || ' is already in batch ' || o.paid_in
                              || ' for days of this period']
                WHEN CAST(:same_people AS jsonb) ? CAST(r.row_id AS text) THEN
                    ARRAY['excluded', 'same_person_in_period',
                          CAST(:same_people AS jsonb) ->> CAST(r.row_id AS text)]
                WHEN p.row_id IS NOT NULL THEN
                    ARRAY['excluded', 'already_in_payment',
                          'already in payment ' || p.payment_id]
                WHEN m.about = 'to' THEN
                    ARRAY['payable', 'redirect',
                          'instead of row ' || r.redirect_of || ', redirected by '
                              || m.decided_by || ': ' || m.reason]
                ELSE ARRAY['payable', '', '']
            END AS found
        FROM batch_row r
        CROSS JOIN (
            SELECT daterange(CAST(:first AS date), CAST(:last AS date), '[]') AS days) g
        LEFT JOIN LATERAL ({STANDING} LIMIT 1) x ON true
        LEFT JOIN LATERAL ({REDIRECTED}) m ON true
        LEFT JOIN redirected k ON k.loan_key = r.loan_key AND k.person_key = r.person_key
        LEFT JOIN old_loan_paid o ON o.row_id = r.row_id
        LEFT JOIN LATERAL ({HELD}) h ON true
        LEFT JOIN institution i ON i.id = r.institution_id
        LEFT JOIN source s ON s.id = r.source_account_id
        LEFT JOIN refused fp ON fp.loan_index = '' AND fp.employee_id = r.employee_id
            AND fp.person_index = r.person_index
        LEFT JOIN refused fl ON fl.loan_index = r.loan_index AND fl.employee_id = r.employee_id
            AND fl.person_index = r.person_index
        LEFT JOIN LATERAL ({CLAIMED_AS_SPELLED.format(row="r")}) c ON true
        LEFT JOIN LATERAL (
            SELECT d.batch_id, d.days
            FROM claimed_days d
            WHERE d.loan_key = r.loan_key AND d.person_key = r.person_key
                AND d.family_id <> :family AND {on_given_days("d")}
                AND {ARE_DAYS_TAKEN}
            ORDER BY d.days
            LIMIT 1) d ON true
        LEFT JOIN payment_row p ON p.root_row_id = r.root_row_id AND NOT p.released
        WHERE r.batch_id = :id AND r.status <> 'refused'
            AND (CAST(:only AS uuid[]) IS NULL OR r.row_id = ANY(CAST(:only AS uuid[])))
    ), judged AS (
        SELECT e.*,
            CASE WHEN included_by IS NOT NULL
                    AND found[2] IN ('already_in_period', 'same_person_in_period') THEN
                ARRAY['payable', 'included',
                      'included by ' || included_by || ', was ' || found[3] || ': '
                      || decided_because]
            ELSE found END AS outcome
        FROM examined e
    ), decided AS (
        SELECT e.*,
            e.outcome[1] AS status, e.outcome[2] AS reason_code, e.outcome[3] AS reason,
            CASE e.outcome[1] WHEN 'payable' THEN
                first_value(e.own_payment_id) OVER (
                    PARTITION BY e.outcome[1], e.source_account_id, e.employee_id, e.loan_index
                    ORDER BY e.file_row)
            END AS payment_id
        FROM judged e
    ), outcome AS (
        SELECT row_id, status, reason_code, reason, merchant_id, payment_id,
            CAST(:revision AS int) AS revision
        FROM decided
        WHERE old_revision = 0
            OR (old_status, old_reason_code, old_reason, old_merchant_id, old_payment_id)
                IS DISTINCT FROM (status, reason_code, reason, merchant_id, payment_id)
    )"""  # noqa: S608 - our own text

# A payable row gets another payment when a row before it joins that payment.
_OF_INCLUDES: Final = """
    joined AS (
        SELECT r.*, 'payable' AS new_status,
            CASE WHEN i.row_id IS NULL THEN r.reason_code ELSE 'included' END AS new_code,
            CASE WHEN i.row_id IS NULL THEN r.reason
            ELSE 'included by ' || :person || ', was ' || r.reason || ': ' || i.reason
            END AS new_reason,
            first_value(r.own_payment_id) OVER (
                PARTITION BY r.source_account_id, r.employee_id, r.loan_index
                ORDER BY r.file_row) AS new_payment_id
        FROM batch_row r
        LEFT JOIN unnest(CAST(:row_ids AS uuid[]), CAST(:reasons AS text[]))
            AS i(row_id, reason) USING (row_id)
        WHERE r.batch_id = :id AND (r.status = 'payable' OR i.row_id IS NOT NULL)
    ), outcome AS (
        SELECT row_id, new_status AS status, new_code AS reason_code, new_reason AS reason,
            merchant_id, new_payment_id AS payment_id, CAST(:revision AS int) AS revision
        FROM joined
        WHERE (status, reason_code, payment_id)
            IS DISTINCT FROM (new_status, new_code, new_payment_id)
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
    only: Collection[UUID] | None = None,
) -> None:
    """Write the outcome of every row that is not refused, as of the batch's revision.

    Only rows whose outcome changes get the revision. A row is excluded if a person decided so, if
    it falls under a hold, if another family of batches has claimed its loan for days of this
    period, if its loan is paid there for the same person under another id, or if its file row is
    in a live payment. A second call changes nothing.

    Args:
        same_people: the rows of people who are paid under another id, with the reason to show.
        only: these rows and no others, for a preview; payments of several rows need all of them.
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
        only=None if only is None else [str(row_id) for row_id in only],
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


def write_includes(
    connection: Connection, batch: Batch, revision: int, person: str, includes: Sequence[Include]
) -> None:
    """Make excluded rows of a batch payable, as of this revision.

    A second call changes nothing. `domain.approval.parse_inclusion` reads the reason again.
    """
    _write(
        connection,
        _OF_INCLUDES,
        id=batch.batch_id,
        revision=revision,
        person=person,
        row_ids=[str(one.row_id) for one in includes],
        reasons=[one.reason for one in includes],
    )


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
