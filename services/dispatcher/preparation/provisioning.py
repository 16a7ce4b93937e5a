"""Getting ready: the objects a batch needs, its payments bound to them, the start of paying, and what can no longer be paid."""

import time
from typing import Any

from sqlalchemy import Connection, Engine, Row

from libs.common.database.engine import run
from services.dispatcher.domain.merchants import choose_merchant
from services.dispatcher.handlers import Evidence
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.provider.reader import Reader
from services.dispatcher.store import payments
from services.dispatcher.store.payments import Change

CHUNK = 2_000
OBJECTS_LOCK = 7_030_103
MERCHANT_DAYS = 1
WAKE_EVERY_S = 5.0


def ensure_sources(connection: Connection, batch_id: Any) -> None:
    """One corporation per EIN and one ACH account per source account; one that was refused is made anew once its address was corrected.

    Like all objects' inserts one replica at a time: their ids follow from their natural keys, and of two unique keys only one can decide a conflict.
    """
    run(connection, "SELECT pg_advisory_xact_lock(:lock)", lock=OBJECTS_LOCK)
    run(
        connection,
        """
        INSERT INTO object (kind, natural_key, batch_id, source_account_id, made_of)
        SELECT DISTINCT ON (ein) 'corporation', 'corporation:' || ein, batch_id, source_account_id, jsonb_build_array(address, payor_name, dba) FROM source
        WHERE batch_id = :batch_id ORDER BY ein, source_account_id
        ON CONFLICT (natural_key) DO UPDATE SET status = 'unprocessed', due_at = now(), batch_id = excluded.batch_id,
            source_account_id = excluded.source_account_id, made_of = excluded.made_of
        WHERE object.status = 'failed' AND object.made_of <> excluded.made_of""",
        batch_id=batch_id,
    )
    run(
        connection,
        """
        INSERT INTO object (kind, natural_key, holder_id, number_index, batch_id, source_account_id)
        SELECT DISTINCT ON (c.object_id, s.account_index) 'ach', 'ach:' || c.object_id || ':' || s.account_index, c.object_id, s.account_index,
               s.batch_id, s.source_account_id
        FROM source s JOIN object c ON c.natural_key = 'corporation:' || s.ein
        WHERE s.batch_id = :batch_id ORDER BY c.object_id, s.account_index, s.source_account_id
        ON CONFLICT (natural_key) DO NOTHING""",
        batch_id=batch_id,
    )


class Provisioner:
    """Brings batches from *rows are here* to *payments can be sent*."""

    def __init__(self, engine: Engine, reader: Reader) -> None:
        self.engine, self.reader = engine, reader
        self.wake_at = 0.0

    def merchants(self, institutions: list[str]) -> None:
        """Ask the provider for institutions never asked or asked long ago; raises Unreachable."""
        with self.engine.connect() as connection:
            known = {
                row.institution_id
                for row in run(
                    connection,
                    """
                SELECT institution_id FROM merchant WHERE institution_id = ANY(CAST(:ids AS text[])) AND read_at > now() - make_interval(days => :days)""",
                    ids=institutions,
                    days=MERCHANT_DAYS,
                )
            }
        for institution in sorted(set(institutions) - known):
            page = self.reader.page("/merchants", {"provider_id.plaid": institution})
            merchant_id, reason = choose_merchant(page.lines)
            with self.engine.begin() as connection:
                run(
                    connection,
                    """
                    INSERT INTO merchant (institution_id, merchant_id, reason) VALUES (:id, :merchant_id, :reason)
                    ON CONFLICT (institution_id) DO UPDATE SET merchant_id = excluded.merchant_id, reason = excluded.reason, read_at = now()""",
                    id=institution,
                    merchant_id=merchant_id,
                    reason=reason,
                )

    def unprepared(self, *, every: bool = False) -> list[Row[Any]]:
        """The batches that people look at or have approved, of which some payable rows have no objects yet; with `every` also those that ended."""
        with self.engine.connect() as connection:
            return list(
                run(
                    connection,
                    """
                SELECT b.batch_id, b.institutions FROM batch b JOIN row_count c USING (batch_id)
                WHERE (b.status IN ('ready', 'approved', 'paying', 'paused') AND b.state <> 'cancelled'
                       OR (:every AND EXISTS (SELECT FROM payment p WHERE p.batch_id = b.batch_id))) AND c.messages >= b.row_messages
                  AND EXISTS (SELECT 1 FROM batch_row r WHERE r.batch_id = b.batch_id AND NOT r.prepared AND r.status = 'payable')""",
                    every=every,
                ).all()
            )

    def prepare(self, *, every: bool = False) -> bool:
        """Objects for the payable rows of these batches; whether there was work."""
        worked = False
        for batch in self.unprepared(every=every):
            try:
                self.merchants(batch.institutions)
            except Unreachable:
                continue
            with self.engine.begin() as connection:
                ensure_sources(connection, batch.batch_id)
                worked = ensure_people_and_loans(connection, batch.batch_id) or worked
        return worked

    def link(self, *, every: bool = False) -> bool:
        """Bind approved payments to the objects made for exactly what was approved; with `every` those too that were sent or have ended."""
        with self.engine.begin() as connection:
            linked = run(
                connection,
                """
                WITH unlinked AS MATERIALIZED (SELECT p.payment_id FROM payment p JOIN batch b USING (batch_id)
                                  WHERE p.destination_object IS NULL AND (:every OR (p.status = 'unprocessed' AND b.state <> 'cancelled'))
                                  LIMIT :chunk FOR UPDATE OF p SKIP LOCKED)
                UPDATE payment p SET source_object = x.source, destination_object = x.destination, merchant_id = x.merchant_id, ready = x.ready
                FROM unlinked u CROSS JOIN LATERAL (
                    SELECT s.object_id AS source, d.object_id AS destination, m.merchant_id, d.status = 'pending' AS ready
                    FROM payment q JOIN merchant m ON m.institution_id = q.institution_id AND m.merchant_id <> ''
                    JOIN object h ON h.natural_key = 'individual:' || q.employee_id || ':' || q.person_index
                    JOIN object d ON d.natural_key = 'liability:' || h.object_id || ':' || m.merchant_id || ':' || q.loan_index
                    JOIN source a ON a.batch_id = q.batch_id AND a.source_account_id = q.source_account_id
                    JOIN object c ON c.natural_key = 'corporation:' || a.ein
                    JOIN object s ON s.natural_key = 'ach:' || c.object_id || ':' || q.account_index
                    WHERE q.payment_id = u.payment_id AND (q.merchant_id = '' OR q.merchant_id = m.merchant_id) OFFSET 0) x
                WHERE p.payment_id = u.payment_id""",
                chunk=None if every else CHUNK,
                every=every,
            ).rowcount
        return bool(linked)

    def wake(self) -> bool:
        """Every few seconds, what became ready at the very moment it was linked or inserted, and was missed; a twentieth of the time at most."""
        began = time.monotonic()
        if began < self.wake_at:
            return False
        with self.engine.begin() as connection:
            by_index(connection)
            run(
                connection,
                """
                UPDATE object o SET due_at = now() FROM object h
                WHERE o.status = 'unprocessed' AND o.due_at = 'infinity' AND h.object_id = o.holder_id AND h.status = 'pending'""",
            )
            run(
                connection,
                """
                UPDATE payment p SET ready = true FROM object d
                WHERE p.status = 'unprocessed' AND NOT p.ready AND d.object_id = p.destination_object AND d.status = 'pending'""",
            )
        self.wake_at = time.monotonic() + max(WAKE_EVERY_S, 20 * (time.monotonic() - began))
        return False

    def start(self) -> bool:
        """Begin to pay batches of which everything that was announced is here: rows, payments, and their sum; and go on after a resume.

        By then ingest has said `paying` or `paused` of it, as it was told from here.
        """
        started = False
        with self.engine.begin() as connection:
            for row in run(
                connection,
                """
                    SELECT b.batch_id, b.state_by, b.state_reason FROM batch b JOIN row_count c USING (batch_id)
                    WHERE b.state = 'waiting' AND b.status IN ('approved', 'paying', 'paused') AND c.messages >= b.row_messages
                      AND (b.payments, b.payments_cents) = (SELECT count(*), coalesce(sum(p.amount_cents), 0) FROM payment p
                                                            WHERE p.batch_id = b.batch_id AND p.digest = b.digest)
                    FOR UPDATE OF b SKIP LOCKED""",
            ).all():
                payments.set_state(
                    connection,
                    row.batch_id,
                    "paying",
                    row.state_by or "dispatcher",
                    row.state_reason,
                )
                started = True
        return started

    def give_up(self) -> bool:
        """Payments that can never be sent: fail them with the evidence (no payment was posted), or cancel them with their batch."""
        with self.engine.begin() as connection:
            by_index(connection)
            failing = [*self._refused_there(connection), *self._without_merchant(connection)]
            payments.apply(connection, [failed(row) for row in failing])
            cancelling = list(
                run(
                    connection,
                    """
                SELECT p.*, b.state_by, b.state_reason FROM payment p JOIN batch b USING (batch_id)
                WHERE p.status = 'unprocessed' AND b.state = 'cancelled' ORDER BY p.payment_id LIMIT :chunk FOR UPDATE OF p SKIP LOCKED""",
                    chunk=CHUNK,
                )
            )
            payments.apply(
                connection,
                [
                    Change(
                        row,
                        "cancelled",
                        Evidence("person", f"cancel/{row.batch_id}", row.state_by),
                        reason_code="cancelled",
                        reason=row.state_reason or "The rest of the batch was cancelled.",
                    )
                    for row in cancelling
                ],
            )
            for row in run(
                connection,
                """
                    SELECT DISTINCT o.number_index, coalesce(nullif(o.reason_code, ''), c.reason_code) AS code,
                           coalesce(nullif(o.reason, ''), c.reason) AS reason
                    FROM object o JOIN object c ON c.object_id = o.holder_id JOIN source s ON s.account_index = o.number_index
                    JOIN batch b ON b.batch_id = s.batch_id
                    WHERE o.kind = 'ach' AND (o.status IN ('failed', 'inactive') OR c.status IN ('failed', 'inactive')) AND b.state = 'paying'
                      AND b.status IN ('approved', 'paying', 'paused') AND o.number_index NOT IN (SELECT account_index FROM source_stop)""",
            ).all():
                payments.stop_source(
                    connection, row.number_index, row.code, row.reason, holder_too=False
                )
        return bool(failing or cancelling)

    def _refused_there(self, connection: Connection) -> list[Row[Any]]:
        """Unsent payments whose account or holder the provider refused or disabled."""
        return list(
            run(
                connection,
                """
            SELECT p.*, x.reason_code AS why_code, x.reason AS why
            FROM object x JOIN object d ON d.object_id = x.object_id OR d.holder_id = x.object_id
            JOIN payment p ON p.destination_object = d.object_id JOIN batch b ON b.batch_id = p.batch_id
            WHERE x.status IN ('failed', 'inactive', 'held') AND x.kind IN ('individual', 'liability') AND p.status = 'unprocessed' AND b.state = 'paying'
            ORDER BY p.payment_id LIMIT :chunk FOR UPDATE OF p SKIP LOCKED""",
                chunk=CHUNK,
            )
        )

    def _without_merchant(self, connection: Connection) -> list[Row[Any]]:
        """Unsent payments to an institution that has no merchant, or another one than was approved."""
        return list(
            run(
                connection,
                """
            SELECT p.*, coalesce(nullif(m.reason, ''), 'merchant_changed') AS why_code,
                   CASE WHEN m.merchant_id = '' THEN 'The provider has no student-loan merchant for this institution.'
                        ELSE 'The institution has another merchant now than when the batch was approved.' END AS why
            FROM payment p JOIN batch b USING (batch_id) JOIN merchant m ON m.institution_id = p.institution_id
            WHERE p.status = 'unprocessed' AND p.destination_object IS NULL AND b.state = 'paying'
              AND (m.merchant_id = '' OR (p.merchant_id <> '' AND p.merchant_id <> m.merchant_id))
            ORDER BY p.payment_id LIMIT :chunk FOR UPDATE OF p SKIP LOCKED""",
                chunk=CHUNK,
            )
        )


def by_index(connection: Connection) -> None:
    """For this transaction: look a chunk's rows up one by one. Right after a file came in there are no statistics, and the planner's
    guess was to read whole tables for each row (half a minute a chunk with 50,000 payments)."""
    for method in ("seqscan", "hashjoin", "mergejoin"):
        run(connection, f"SET LOCAL enable_{method} = off")


def failed(row: Row[Any]) -> Change:
    """A payment whose holder, account or merchant the provider refused: failed, and nothing was sent for it."""
    return Change(
        row,
        "failed",
        Evidence("preparation", f"{row.payment_id}"),
        reason_code=row.why_code,
        reason=row.why,
    )


def ensure_people_and_loans(connection: Connection, batch_id: Any) -> bool:
    """One individual per person and one liability per loan of a chunk of rows; known ones are used again."""
    run(connection, "SELECT pg_advisory_xact_lock(:lock)", lock=OBJECTS_LOCK)
    run(
        connection,
        """
        CREATE TEMP TABLE IF NOT EXISTS chunk (row_id uuid, employee_id text, person_index text, institution_id text, merchant_id text, loan_index text)
        ON COMMIT DELETE ROWS""",
    )
    run(connection, "DELETE FROM chunk")
    count = run(
        connection,
        """
        INSERT INTO chunk SELECT r.row_id, r.employee_id, r.person_index, r.institution_id, m.merchant_id, r.loan_index
        FROM batch_row r JOIN merchant m USING (institution_id)
        WHERE r.batch_id = :batch_id AND NOT r.prepared AND r.status = 'payable' ORDER BY r.employee_id LIMIT :chunk""",
        batch_id=batch_id,
        chunk=CHUNK,
    ).rowcount
    run(
        connection,
        """
        INSERT INTO object (kind, natural_key, employee_id, person_index, batch_id, row_id)
        SELECT DISTINCT ON (employee_id, person_index) 'individual', 'individual:' || employee_id || ':' || person_index, employee_id, person_index,
               :batch_id, row_id FROM chunk WHERE merchant_id <> '' ORDER BY employee_id, person_index, row_id
        ON CONFLICT (natural_key) DO NOTHING""",
        batch_id=batch_id,
    )
    run(
        connection,
        """
        INSERT INTO object (kind, natural_key, holder_id, merchant_id, number_index, batch_id, row_id, due_at)
        SELECT DISTINCT ON (h.object_id, c.merchant_id, c.loan_index) 'liability',
               'liability:' || h.object_id || ':' || c.merchant_id || ':' || c.loan_index, h.object_id, c.merchant_id, c.loan_index, :batch_id, c.row_id,
               CASE WHEN h.status = 'pending' THEN now() ELSE 'infinity' END
        FROM chunk c CROSS JOIN LATERAL (SELECT object_id, status FROM object o
             WHERE o.natural_key = 'individual:' || c.employee_id || ':' || c.person_index OFFSET 0) h
        WHERE c.merchant_id <> '' ORDER BY h.object_id, c.merchant_id, c.loan_index, c.row_id
        ON CONFLICT (natural_key) DO NOTHING""",
        batch_id=batch_id,
    )
    run(
        connection,
        "UPDATE batch_row SET prepared = true WHERE row_id = ANY(ARRAY(SELECT row_id FROM chunk))",
    )
    return bool(count)
