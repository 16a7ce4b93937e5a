"""Copies of a database, and what a restore does to one, without Kafka."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, create_engine, make_url

from libs.common.database.engine import run
from libs.common.recovery import quarantine

MESSAGE = "event_id, topic, message_key, message_type, correlation, body"


class Copies:
    """Copies of one database. Nothing may be connected to it while it is copied."""

    def __init__(self, admin_url: str, url: str) -> None:
        self.admin, self.original = (
            create_engine(admin_url, isolation_level="AUTOCOMMIT"),
            make_url(url),
        )
        self.names: list[str] = []

    def make(self) -> str:
        """The database as it is, under another name."""
        name = f"copy_{uuid4().hex[:10]}"
        with self.admin.connect() as connection:
            connection.exec_driver_sql(
                f'CREATE DATABASE {name} TEMPLATE "{self.original.database}"'
            )
            connection.exec_driver_sql(
                f'GRANT CONNECT, TEMPORARY ON DATABASE {name} TO "{self.original.username}"'
            )
        self.names.append(name)
        return name

    def url(self, name: str) -> str:
        """The service's address of a copy."""
        return self.original.set(database=name).render_as_string(hide_password=False)

    def drop(self) -> None:
        with self.admin.connect() as connection:
            for name in self.names:
                connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        self.admin.dispose()


def messages(engine: Engine) -> list[Any]:
    """What a service has published, oldest first."""
    with engine.connect() as connection:
        return list(run(connection, f"SELECT {MESSAGE} FROM outbox ORDER BY id"))


def quarantine_copy(engine: Engine, published: Sequence[Any]) -> int:
    """Quarantine a copy, and bring the messages that reached a topic back into its outbox.

    Args:
        published: rows of `messages`.

    Returns:
        The outbox id above which the messages that the copy did not have lie.
    """
    with engine.begin() as connection:
        quarantine.start(connection, "a test")
        row = quarantine.find_open(connection)
        assert row is not None
        for message in published:
            run(
                connection,
                f"""
                INSERT INTO outbox ({MESSAGE}, published_at)
                VALUES (
                    :event_id, :topic, :message_key, :message_type, :correlation, :body, now()
                )
                ON CONFLICT DO NOTHING""",
                **dict(message._mapping),
            )
        return int(row.first_outbox_id)
