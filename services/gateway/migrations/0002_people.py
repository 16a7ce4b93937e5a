"""People, sessions and API tokens, and by which of them a call of the audit log came.

Only hashes of secrets are stored.
"""

from alembic import op

revision = "gateway_0002"
down_revision = "gateway_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE audit ADD COLUMN via text NOT NULL DEFAULT ''")
    op.execute("""
        CREATE TABLE person (
            person text PRIMARY KEY,
            name text NOT NULL,
            roles text[] NOT NULL,
            signed_in_at timestamptz NOT NULL DEFAULT now()
        )""")
    op.execute("""
        CREATE TABLE session (
            session_hash bytea PRIMARY KEY,
            person text NOT NULL,
            started_at timestamptz NOT NULL DEFAULT now(),
            seen_at timestamptz NOT NULL DEFAULT now(),
            ends_at timestamptz NOT NULL,
            sealed_id_token bytea
        )""")
    op.execute("CREATE INDEX session_end ON session (ends_at)")
    op.execute("""
        CREATE TABLE api_token (
            seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
            token_id uuid PRIMARY KEY,
            token_hash bytea NOT NULL UNIQUE,
            name text NOT NULL,
            person text NOT NULL,
            roles text[] NOT NULL CHECK (roles <> '{}'),
            read_only boolean NOT NULL,
            created_by text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL,
            last_used_at timestamptz,
            revoked_at timestamptz,
            revoked_by text,
            CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
        )""")
