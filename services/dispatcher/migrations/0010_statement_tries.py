"""Statements that were begun and not completed are counted, so that they are taken again soon."""

from alembic import op

revision = "dispatcher_0010"
down_revision = "dispatcher_0009"

# How many statements in a row were begun, and cut short or not complete.
TRIES = "ALTER TABLE batch ADD COLUMN statement_tries int NOT NULL DEFAULT 0"


def upgrade() -> None:
    op.execute(TRIES)
