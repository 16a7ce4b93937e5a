"""A database that came back from a backup is held until two people release it; and it finds at the provider what it had made there."""

from alembic import op

from libs.common.testing.messaging_tables import RESTORED, RESTORED_HELD

revision = "dispatcher_0003"
down_revision = "dispatcher_0002"

# By random ids, what was made since the copy could not be recognised: a holder or an account would be made twice.
NAMED = """
CREATE FUNCTION object_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.object_id := CAST(md5(NEW.natural_key) AS uuid);
    RETURN NEW;
END $$"""
NAMED_TRIGGER = "CREATE TRIGGER object_named BEFORE INSERT ON object FOR EACH ROW EXECUTE FUNCTION object_named()"


def upgrade() -> None:
    for statement in (RESTORED, RESTORED_HELD, NAMED, NAMED_TRIGGER):
        op.execute(statement)
