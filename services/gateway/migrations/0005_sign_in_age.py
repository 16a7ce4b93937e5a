"""When and how a person of a session signed in, and which logout tokens were used."""

from alembic import op

revision = "gateway_0005"
down_revision = "gateway_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE session
            ADD COLUMN authenticated_at timestamptz,
            ADD COLUMN acr text NOT NULL DEFAULT '',
            ADD COLUMN provider_session text NOT NULL DEFAULT '',
            ADD COLUMN sealed_refresh_token bytea,
            ADD COLUMN confirmed_at timestamptz NOT NULL DEFAULT now(),
            ADD COLUMN asking_until timestamptz""")
    op.execute("CREATE INDEX session_person ON session (person)")
    op.execute("""
        CREATE TABLE logout_token (
            jti_hash bytea PRIMARY KEY,
            ends_at timestamptz NOT NULL
        )""")
    op.execute("CREATE INDEX logout_token_end ON logout_token (ends_at)")
