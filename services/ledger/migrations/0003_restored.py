"""The table of restored databases: the service stays read-only until two people release it."""

from alembic import op

revision = "ledger_0003"
down_revision = "ledger_0002"

RESTORED = """
CREATE TABLE restored (
    restored_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    noticed_at timestamptz NOT NULL DEFAULT now(),
    why text NOT NULL,
    -- The messages that were recovered into the outbox have ids above this one.
    first_outbox_id bigint NOT NULL,
    progress text NOT NULL DEFAULT '',
    -- When the recovery was complete; only then can the database be released.
    settled_at timestamptz,
    proposed_by text,
    released_by text CHECK (released_by <> ''),
    reason text NOT NULL DEFAULT '',
    released_at timestamptz,
    CHECK ((released_by IS NULL) = (released_at IS NULL)),
    CHECK (released_by IS NULL
        OR (settled_at IS NOT NULL AND proposed_by IS NOT NULL AND proposed_by <> released_by))
)"""
RESTORED_HELD = """
CREATE UNIQUE INDEX restored_held ON restored ((true))
WHERE released_at IS NULL"""


def upgrade() -> None:
    for statement in (RESTORED, RESTORED_HELD):
        op.execute(statement)
