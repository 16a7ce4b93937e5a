"""The audit log, which only grows, and the idempotency keys of the public API."""

from alembic import op

revision = "gateway_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE audit (
            seq bigint PRIMARY KEY CHECK (seq > 0),
            at timestamptz NOT NULL,
            kind text NOT NULL CHECK (kind IN ('intent', 'outcome', 'refused', 'replayed')),
            request_id text NOT NULL,
            person text NOT NULL,
            roles text[] NOT NULL,
            method text NOT NULL,
            path text NOT NULL,
            status int,
            subject text NOT NULL,
            previous_hash text NOT NULL,
            hash text NOT NULL UNIQUE
        )""")
    op.execute("CREATE INDEX audit_person ON audit (person, seq)")
    op.execute("CREATE INDEX audit_subject ON audit (subject, seq)")
    op.execute("""
        CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$""")
    op.execute("""
        CREATE TRIGGER audit_only_grows
        BEFORE UPDATE OR DELETE ON audit
        FOR EACH ROW EXECUTE FUNCTION audit_only_grows()""")
    op.execute("""
        CREATE TRIGGER audit_is_never_emptied
        BEFORE TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()""")
    op.execute("""
        CREATE TABLE idempotency (
            person text NOT NULL,
            method text NOT NULL,
            path text NOT NULL,
            key text NOT NULL,
            fingerprint text NOT NULL,
            claim uuid NOT NULL,
            claimed_at timestamptz NOT NULL DEFAULT now(),
            status int,
            media_type text,
            body bytea,
            PRIMARY KEY (person, method, path, key)
        )""")
    op.execute("CREATE INDEX idempotency_age ON idempotency (claimed_at)")
