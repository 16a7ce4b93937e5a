"""Write many rows of a table in one statement, from one JSON parameter.

The types are the table's own (`jsonb_populate_recordset`). Rows are written in the order of their
key, so that two writers never wait for each other in a circle.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from libs.common.contracts.envelope import Event
from libs.common.database.engine import run

Item = dict[str, Any]  # one row to write, as JSON values


def insert_missing(
    connection: Connection, table: str, columns: Sequence[str], items: Sequence[Item]
) -> None:
    """Insert rows that never change. A row whose key exists is not written, nor compared."""
    if items:
        statement = f"{insert_statement(table, columns)} ON CONFLICT DO NOTHING"
        run(connection, statement, items=json.dumps(items))


def upsert_newer(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    version: str,
    items: Sequence[Item],
) -> None:
    """Insert rows, or replace rows whose `version` column is below the new one; else do nothing.

    Args:
        columns: all columns to write; the first is the key.
    """
    if items:
        statement = f"""
            {insert_statement(table, columns)}
            ON CONFLICT ({columns[0]}) DO UPDATE
            SET {assignments(columns[1:])}
            WHERE {table}.{version} < excluded.{version}"""  # noqa: S608 - as below
        run(connection, statement, items=json.dumps(items))


def insert_statement(table: str, columns: Sequence[str]) -> str:
    """The INSERT of the parameter `:items`, a JSON list of objects; the first column is the key."""
    names = ", ".join(columns)
    return f"""
        INSERT INTO {table} ({names})
        SELECT {names}
        FROM jsonb_populate_recordset(CAST(NULL AS {table}), CAST(:items AS jsonb))
        ORDER BY {columns[0]}"""  # noqa: S608 - names of this service only


def assignments(columns: Sequence[str]) -> str:
    """The SET list that takes every column from the row that could not be inserted."""
    return ", ".join(f"{column} = excluded.{column}" for column in columns)


def to_item(event: Event, columns: Sequence[str], occurred_at: str = "") -> Item:
    """The event's fields of these names, and its time under the name `occurred_at`, if given."""
    item = event.model_dump(mode="json", include=set(columns))
    return item | {occurred_at: event.occurred_at.isoformat()} if occurred_at else item
