"""Two people end `held`; who confirms had no hand in the batch. Recorded, and enforced."""

from alembic import op

revision = "dispatcher_0002"
down_revision = "dispatcher_0001"

# Who had a hand in a batch; empty for an employer of one person.
BARRED = "ALTER TABLE batch ADD COLUMN barred text[] NOT NULL DEFAULT '{}'"
DECISION = """
CREATE TABLE held_decision (
    payment_id uuid NOT NULL,
    version int NOT NULL,                             -- of the payment while it was held
    act text NOT NULL CHECK (act IN ('look-up', 'bind', 'close')),
    provider_id text NOT NULL DEFAULT '',
    reason text NOT NULL,
    proposed_by text NOT NULL,
    confirmed_by text NOT NULL CHECK (confirmed_by <> proposed_by),
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (payment_id, version)
)"""
# The text of a function is stored as written, so its long lines continue after a backslash.
DECIDE = """
CREATE FUNCTION decision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.confirmed_by = ANY (SELECT unnest(b.barred) FROM payment p JOIN batch b USING \
(batch_id) WHERE p.payment_id = NEW.payment_id) THEN
        RAISE EXCEPTION 'who confirms had a hand in this batch' USING ERRCODE = \
'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$"""
DECIDE_TRIGGER = """
CREATE TRIGGER decision_guard BEFORE INSERT OR UPDATE ON held_decision
FOR EACH ROW EXECUTE FUNCTION decision_guard()"""
LEAVE = """
CREATE FUNCTION held_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM held_decision WHERE payment_id = OLD.payment_id AND version = \
OLD.version) THEN
        RAISE EXCEPTION 'a held payment is decided by two people' USING ERRCODE = \
'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$"""
LEAVE_TRIGGER = """
CREATE TRIGGER held_guard BEFORE UPDATE OF status ON payment FOR EACH ROW
WHEN (OLD.status = 'held' AND NEW.status <> 'held') EXECUTE FUNCTION held_guard()"""


def upgrade() -> None:
    for statement in (BARRED, DECISION, DECIDE, DECIDE_TRIGGER, LEAVE, LEAVE_TRIGGER):
        op.execute(statement)
