"""A kill switch that an approver turned on is turned off by two people."""

from alembic import op

revision = "dispatcher_0009"
down_revision = "dispatcher_0008"

BY_APPROVER = "ALTER TABLE kill_switch ADD COLUMN by_approver boolean NOT NULL DEFAULT false"
# Who proposed to turn it off; another person, an approver, confirms.
PROPOSED = "ALTER TABLE kill_switch ADD COLUMN off_proposed_by text"


def upgrade() -> None:
    for statement in (BY_APPROVER, PROPOSED):
        op.execute(statement)
