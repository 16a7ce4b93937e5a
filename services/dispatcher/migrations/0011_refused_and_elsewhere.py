"""Refused provider objects are tried again; held payments end also as paid by other means."""

from alembic import op

revision = "dispatcher_0011"
down_revision = "dispatcher_0010"

# What the newest refusal said, until the object exists; and after which attempt it is tried anew.
OBJECT = (
    "ALTER TABLE object ADD COLUMN refused_code text NOT NULL DEFAULT ''",
    "ALTER TABLE object ADD COLUMN refused_reason text NOT NULL DEFAULT ''",
    "ALTER TABLE object ADD COLUMN retried_from int NOT NULL DEFAULT 0",
)
# Further tries of refused objects. A batch asks once, and once for each correction of a payor; a
# person as often as they order it.
RETRY = """
CREATE TABLE object_retry (
    retry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    object_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    made_of text NOT NULL DEFAULT '',                 -- digest of a payor's corrected values
    by_whom text NOT NULL DEFAULT '',                 -- empty: the batch itself
    reason text NOT NULL DEFAULT '',
    refused_code text NOT NULL,                       -- the refusal before it
    at timestamptz NOT NULL DEFAULT now()
)"""
RETRY_ONCE = """
CREATE UNIQUE INDEX object_retry_once ON object_retry (object_id, batch_id, made_of)
    WHERE by_whom = ''"""
# Source accounts of batches that the provider refused or disabled, under the batch's own EIN.
REFUSED_SOURCE = """
CREATE TABLE refused_source (
    batch_id uuid NOT NULL,
    source_account_id text NOT NULL,
    account_index text NOT NULL,
    reason_code text NOT NULL,
    reason text NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (batch_id, source_account_id)
)"""
# What became of the money of a payment that was closed.
MONEY = """
ALTER TABLE held_decision ADD COLUMN money text NOT NULL DEFAULT ''
    CHECK (money = '' OR (money = 'paid_by_other_means' AND act = 'close'))"""
# Two people took back a binding that people had made.
UNBINDING = """
CREATE TABLE unbinding (
    payment_id uuid NOT NULL,
    version int NOT NULL,                             -- of the payment while it was bound
    provider_id text NOT NULL,
    reason text NOT NULL,
    proposed_by text NOT NULL,
    confirmed_by text NOT NULL CHECK (confirmed_by <> proposed_by),
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (payment_id, version)
)"""
UNBINDING_TRIGGER = """
CREATE TRIGGER unbinding_guard BEFORE INSERT OR UPDATE ON unbinding
FOR EACH ROW EXECUTE FUNCTION decision_guard()"""
# The text of a function is stored as written, so its long lines continue after a backslash.
ELSEWHERE = """
CREATE FUNCTION paid_elsewhere_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM held_decision WHERE payment_id = OLD.payment_id AND money = \
'paid_by_other_means') THEN
        RAISE EXCEPTION 'a row that was paid by other means is not paid again' USING ERRCODE = \
'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$"""
ELSEWHERE_TRIGGER = """
CREATE TRIGGER paid_elsewhere_guard BEFORE UPDATE OF live ON payment_row FOR EACH ROW
WHEN (OLD.live AND NOT NEW.live) EXECUTE FUNCTION paid_elsewhere_guard()"""


def upgrade() -> None:
    for statement in (
        *OBJECT,
        RETRY,
        RETRY_ONCE,
        REFUSED_SOURCE,
        MONEY,
        UNBINDING,
        UNBINDING_TRIGGER,
        ELSEWHERE,
        ELSEWHERE_TRIGGER,
    ):
        op.execute(statement)
