"""Run by Alembic; the connection comes from libs.common.database.migrate."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection)
with context.begin_transaction():
    context.run_migrations()
