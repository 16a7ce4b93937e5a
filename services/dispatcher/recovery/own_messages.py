"""After a restore: payments and batches are brought to what they had said of themselves, as it was taken back into the outbox.

Nothing is said here; what is written was said before. The provider is asked afterwards (`taking_back`).
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection

from libs.common.contracts.events.payments import PaymentChanged
from libs.common.contracts.events.preparation import DispatchChanged, PreflightDone
from libs.common.contracts.events.provider import StatementLine
from libs.common.database.engine import run
from services.dispatcher.handlers import payment_changed_id
from services.dispatcher.store import payments as store

NUMBERS_MAX = 1_000  # statements that may have been begun and never said, in a row

# The newest state that each payment had said of itself since the copy was made.
SAID = """
    SELECT DISTINCT ON (o.message_key) CAST(o.message_key AS uuid) AS payment_id, j.b, CAST(j.b ->> 'version' AS int) AS version, j.b ->> 'status' AS status
    FROM outbox o CROSS JOIN LATERAL (SELECT CAST(o.body AS jsonb) AS b) j
    WHERE o.id > :first AND o.message_type = :type AND (CAST(:ids AS text[]) IS NULL OR o.message_key = ANY(CAST(:ids AS text[])))
    ORDER BY o.message_key, CAST(j.b ->> 'version' AS int) DESC"""


def spoken_of(connection: Connection, payment_ids: Collection[UUID]) -> list[UUID]:
    """Of payments that come in, those of which this service has spoken already: a message applied after a restore may be of one sent long ago."""
    firsts = {str(payment_changed_id(payment_id, 1)): payment_id for payment_id in payment_ids}
    known = run(
        connection,
        "SELECT CAST(event_id AS text) FROM outbox WHERE event_id = ANY(CAST(:ids AS uuid[]))",
        ids=list(firsts),
    ).scalars()
    return [firsts[event_id] for event_id in known]


def ended(connection: Connection, payment_ids: Collection[UUID]) -> list[str]:
    """Of payments that were spoken of, those that ended unpaid: their rows are free, and may be in another payment by now."""
    if not payment_ids:
        return []
    return list(
        run(
            connection,
            f"SELECT CAST(s.payment_id AS text) FROM ({SAID}) s WHERE s.status IN ('failed', 'cancelled')",  # noqa: S608 - our own text
            first=first_of(connection),
            type=PaymentChanged.name(),
            ids=[str(i) for i in payment_ids],
        ).scalars()
    )


def first_of(connection: Connection) -> int:
    """The outbox id above which lies all that was ever taken back."""
    return int(
        run(connection, "SELECT coalesce(min(first_outbox_id), 0) FROM restored").scalar_one()
    )


def payments(connection: Connection, first: int, only: Collection[UUID] | None = None) -> int:
    """Bring the payments that are here (or `only` these) to the newest state they had said; how many were behind. A second call finds none."""
    run(connection, "DROP TABLE IF EXISTS behind")
    run(
        connection,
        f"""
        CREATE TEMP TABLE behind ON COMMIT DROP AS
        SELECT p.payment_id, p.batch_id, p.status AS was, p.version AS was_version, s.status, s.version, s.b,
               greatest(p.attempts, CAST(s.b ->> 'attempts' AS int)) AS attempts, s.b ->> 'provider_payment_id' AS provider_id
        FROM ({SAID}) s JOIN payment p USING (payment_id) WHERE p.version < s.version""",  # noqa: S608 - our own text
        first=first,
        type=PaymentChanged.name(),
        ids=None if only is None else [str(i) for i in only],
    )
    run(
        connection,
        """
        INSERT INTO held_decision (payment_id, version, act, provider_id, reason, proposed_by, confirmed_by)
        SELECT payment_id, was_version, CASE status WHEN 'cancelled' THEN 'close' WHEN 'in_doubt' THEN 'look-up' ELSE 'bind' END, provider_id,
               'Decided before this database came back from a backup.', coalesce(nullif(split_part(b ->> 'by', ', ', 1), ''), 'not known any more'),
               coalesce(nullif(split_part(b ->> 'by', ', ', 2), ''), 'not known either')
        FROM behind WHERE was = 'held' AND status <> 'held' ON CONFLICT DO NOTHING""",
    )
    attempts(connection)
    run(
        connection,
        "UPDATE payment p SET provider_id = NULL FROM behind s WHERE p.payment_id = s.payment_id",
    )  # two may have exchanged theirs
    run(
        connection,
        """
        UPDATE payment p SET status = s.status, version = s.version, attempts = s.attempts, provider_id = nullif(s.provider_id, ''),
               provider_status = s.b ->> 'provider_status', merchant_id = coalesce(nullif(p.merchant_id, ''), s.b ->> 'merchant_id'),
               source_trace_id = s.b ->> 'source_trace_id', destination_trace_id = s.b ->> 'destination_trace_id', reversal_id = s.b ->> 'reversal_id',
               return_under_way = CAST(s.b ->> 'return_under_way' AS boolean), reason_code = s.b ->> 'reason_code', reason = s.b ->> 'reason',
               step = '', looks = 0, lease_until = '-infinity', hint = '',
               due_at = CASE WHEN s.status IN ('sending', 'in_doubt') THEN 'infinity' ELSE now() END,
               poll_due_at = CASE WHEN s.provider_id <> '' AND s.status IN ('pending', 'completed') THEN now() ELSE 'infinity' END,
               paid_at = CASE WHEN s.status = 'completed' THEN coalesce(p.paid_at, CAST(s.b ->> 'occurred_at' AS timestamptz)) ELSE p.paid_at END
        FROM behind s WHERE p.payment_id = s.payment_id""",
    )
    run(
        connection,
        """
        UPDATE payment_row r SET live = false FROM behind s WHERE r.payment_id = s.payment_id AND s.status IN ('failed', 'cancelled') AND r.live""",
    )
    run(
        connection,
        "INSERT INTO status_change (batch_id, changes) SELECT batch_id, count(*) FROM behind WHERE was <> status GROUP BY 1",
    )
    return int(run(connection, "SELECT count(*) FROM behind").scalar_one())


def attempts(connection: Connection) -> None:
    """Write the attempts that payments had made and the copy does not know, without their bodies: they are never sent again."""
    run(
        connection,
        """
        UPDATE attempt a SET outcome = 'absent' FROM behind s WHERE a.subject_id = s.payment_id AND a.n < s.attempts AND a.outcome = 'open'""",
    )
    missing: list[Any] = run(
        connection,
        """
        SELECT s.payment_id, n, CASE WHEN n < s.attempts THEN 'absent' WHEN s.provider_id <> '' THEN 'accepted'
                                     WHEN s.status IN ('sending', 'in_doubt', 'held') THEN 'open' ELSE 'absent' END AS outcome
        FROM behind s CROSS JOIN LATERAL generate_series(1, s.attempts) AS n
        WHERE NOT EXISTS (SELECT FROM attempt a WHERE a.subject_id = s.payment_id AND a.n = n.n) ORDER BY n""",
    ).all()
    insert_attempts(connection, [(row.payment_id, row.n, row.outcome) for row in missing])
    run(
        connection,
        """
        UPDATE attempt a SET outcome = CASE WHEN s.provider_id <> '' THEN 'accepted' ELSE 'absent' END FROM behind s
        WHERE a.subject_id = s.payment_id AND a.n = s.attempts AND a.outcome = 'open'
            AND (s.provider_id <> '' OR s.status NOT IN ('sending', 'in_doubt', 'held'))""",
    )


def insert_attempts(connection: Connection, made: Collection[tuple[UUID, int, str]]) -> None:
    """Attempts (payment, number, outcome) whose bodies are lost, in the order of their numbers."""
    for number in sorted(
        {n for _, n, _ in made}
    ):  # one statement a number: the next one needs the evidence of the one before
        some = [
            (str(payment_id), str(uuid5(payment_id, str(n))), outcome)
            for payment_id, n, outcome in made
            if n == number
        ]
        run(
            connection,
            """
            INSERT INTO attempt (subject_id, n, kind, purpose, idempotency_key, path, body, body_sha256, outcome)
            SELECT s, :n, 'payment', 'pay', k, '/payments', '', '', o
            FROM unnest(CAST(:subjects AS uuid[]), CAST(:keys AS uuid[]), CAST(:outcomes AS text[])) AS x(s, k, o)""",
            n=number,
            subjects=[s for s, _, _ in some],
            keys=[k for _, k, _ in some],
            outcomes=[o for _, _, o in some],
        )


def batches(connection: Connection, first: int) -> None:
    """Bring batches to the state, the preflight and the number of statements they had said. A second call changes nothing."""
    run(
        connection,
        """
        WITH said AS (SELECT DISTINCT ON (o.message_key) CAST(o.message_key AS uuid) AS batch_id, j.b FROM outbox o
                      CROSS JOIN LATERAL (SELECT CAST(o.body AS jsonb) AS b) j WHERE o.id > :first AND o.message_type = :type
                      ORDER BY o.message_key, CAST(j.b ->> 'version' AS int) DESC),
             stopped AS (INSERT INTO source_stop (account_index, reason_code, reason)
                         SELECT DISTINCT ON (s.account_index) s.account_index, t ->> 'reason_code', t ->> 'reason' FROM said
                         CROSS JOIN LATERAL jsonb_array_elements(b -> 'stopped_sources') AS t
                         JOIN source s ON s.batch_id = said.batch_id AND s.source_account_id = t ->> 'source_account_id' ON CONFLICT DO NOTHING)
        UPDATE batch SET state = b ->> 'state', state_version = CAST(b ->> 'version' AS int), state_by = b ->> 'by', state_reason = b ->> 'reason'
        FROM said WHERE batch.batch_id = said.batch_id AND batch.state_version < CAST(b ->> 'version' AS int)""",
        first=first,
        type=DispatchChanged.name(),
    )
    run(
        connection,
        """
        UPDATE batch SET preflight_revision = s.revision
        FROM (SELECT CAST(message_key AS uuid) AS batch_id, max(CAST(CAST(body AS jsonb) ->> 'revision' AS int)) AS revision FROM outbox
              WHERE id > :first AND message_type = :type GROUP BY 1) s
        WHERE batch.batch_id = s.batch_id AND batch.preflight_revision < s.revision""",
        first=first,
        type=PreflightDone.name(),
    )
    for row in run(
        connection,
        """
            SELECT b.batch_id, b.statement_n, array_agg(DISTINCT o.message_key) AS runs FROM outbox o JOIN batch b ON CAST(b.batch_id AS text) = o.correlation
            WHERE o.id > :first AND o.topic = :topic GROUP BY 1, 2""",
        first=first,
        topic=StatementLine.topic.name,
    ).all():
        run(
            connection,
            "UPDATE batch SET statement_n = :n WHERE batch_id = :id",
            id=row.batch_id,
            n=newest_statement(row.batch_id, row.statement_n, row.runs),
        )


def newest_statement(batch_id: UUID, known: int, runs: Collection[str]) -> int:
    """The highest number of a batch's statements among those that were said; run ids follow from the numbers."""
    said = [
        n
        for n in range(known + 1, known + len(runs) + NUMBERS_MAX)
        if str(store.statement_id(batch_id, n)) in runs
    ]
    return max(said, default=known)
