"""Copies of a database, and the way back to one: what a restore does, without Kafka."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, create_engine, make_url

from libs.common.database.engine import run
from libs.common.recovery import quarantine

MESSAGE = "event_id, topic, message_key, message_type, correlation, body"


class Copies:
    """Of one database; nothing may be connected to it while it is copied."""

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
    """What a service has said, oldest first."""
    with engine.connect() as connection:
        return list(run(connection, f"SELECT {MESSAGE} FROM outbox ORDER BY id"))


def hold(engine: Engine, reached: Sequence[Any]) -> int:
    """Hold a copy, with those of its forgotten messages taken back that `reached` a topic; the outbox id above which they lie."""
    with engine.begin() as connection:
        quarantine.start(connection, "a test")
        held = quarantine.find_open(connection)
        assert held is not None
        for message in reached:
            run(
                connection,
                f"""INSERT INTO outbox ({MESSAGE}, published_at)
                                VALUES (:event_id, :topic, :message_key, :message_type, :correlation, :body, now()) ON CONFLICT DO NOTHING""",
                **dict(message._mapping),
            )
        first: int = held.first_outbox_id
        return first
