"""A certified batch takes no journal but a return, and no journal is dated before its hold.

A certificate says that every payment of its batch has ended. What may still come is a late return.
While a database is restored from a backup its certificates come back before its journals, so the
rule rests until it is released. Clocks differ: a day is allowed.
"""

from alembic import op

revision = "ledger_0006"
down_revision = "ledger_0005"

CHECK = """
CREATE FUNCTION check_certified() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
DECLARE wrong record;
BEGIN
    SELECT j.journal_id, CASE
            WHEN h.posted_at IS NOT NULL THEN 'is dated before its hold'
            ELSE 'is of a certified batch, and no return' END AS reason
    INTO wrong
    FROM fresh j
    LEFT JOIN LATERAL (
        SELECT o.posted_at FROM journal o
        WHERE o.payment_id = j.payment_id AND o.kind = 'hold' AND j.kind <> 'hold'
            AND j.posted_at < o.posted_at - interval '1 day'
        OFFSET 0
    ) h ON true
    LEFT JOIN LATERAL (
        SELECT o.version FROM certificate o
        WHERE o.batch_id = j.batch_id AND j.kind <> 'reverse'
        LIMIT 1
    ) c ON true
    WHERE h.posted_at IS NOT NULL
        OR (c.version IS NOT NULL AND NOT EXISTS (SELECT FROM restored WHERE released_at IS NULL))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal % %', wrong.journal_id, wrong.reason
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'check_certified';
    END IF;
    RETURN NULL;
END $$"""


def upgrade() -> None:
    op.execute(
        "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    )
    op.execute(CHECK)
    op.execute(
        "CREATE TRIGGER check_certified AFTER INSERT ON journal REFERENCING NEW TABLE AS fresh "
        "FOR EACH STATEMENT EXECUTE FUNCTION check_certified()"
    )
    # Without ALWAYS, the session of a replica would pass the trigger by.
    op.execute("ALTER TABLE journal ENABLE ALWAYS TRIGGER check_certified")
