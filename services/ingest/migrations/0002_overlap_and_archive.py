"""When a batch ended, so that it can be archived later, and an index by pay period for overlaps."""

from alembic import op

revision = "ingest_0002"
down_revision = "ingest_0001"

# `ended_by_version` is the version of the certificate that ended the batch.
ENDED_AT = """
ALTER TABLE batch
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN ended_by_version int NOT NULL DEFAULT 0"""
ENDED_ALREADY = """
UPDATE batch b
SET ended_at = c.at, ended_by_version = c.version
FROM (
    SELECT batch_id,
        max(CAST(body ->> 'occurred_at' AS timestamptz)) AS at,
        max(version) AS version
    FROM certificate
    GROUP BY 1) c
WHERE c.batch_id = b.batch_id"""
BATCH_PERIOD = "CREATE INDEX batch_period ON batch (period)"


def upgrade() -> None:
    for statement in (ENDED_AT, ENDED_ALREADY, BATCH_PERIOD):
        op.execute(statement)
