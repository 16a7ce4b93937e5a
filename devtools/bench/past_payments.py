"""Past payments in the dispatcher's tables: copies of those of one batch, with ids of their own.

Each copy is a batch of other people on the same source accounts. Nothing of it is due any more.
"""

from sqlalchemy import Connection, Engine

from libs.common.database.engine import run

#: Which rows of a table belong to a batch, parents first.
OF_BATCH = {
    "batch": "t.batch_id = CAST(:batch AS uuid)",
    "source": "t.batch_id = CAST(:batch AS uuid)",
    "object": "t.batch_id = CAST(:batch AS uuid)",
    "batch_row": "t.batch_id = CAST(:batch AS uuid)",
    "payment": "t.batch_id = CAST(:batch AS uuid)",
    "payment_row": "t.payment_id IN (SELECT payment_id FROM payment WHERE batch_id = :batch)",
    "attempt": "t.subject_id IN (SELECT payment_id FROM payment WHERE batch_id = :batch)",
    "status_change": "t.batch_id = CAST(:batch AS uuid)",
    "outbox": "t.correlation = CAST(:batch AS text)",
}
#: Texts that name one thing: each copy has its own.
NAMES = ("natural_key", "provider_id", "provider_payment_id", "person_index", "loan_index")
NEVER_DUE = ("due_at", "poll_due_at")
COLUMNS = """
    SELECT attname AS name, format_type(atttypid, NULL) AS type
    FROM pg_attribute
    WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped
        AND attidentity = '' AND attgenerated = ''
    ORDER BY attnum"""
COPIES_AT_ONCE = 200


def multiply(admin: Engine, batch_id: str, first: int, last: int) -> None:
    """Add the copies with these numbers of everything of one batch, and collect statistics.

    Triggers and keys are off meanwhile: what is copied was judged before.
    """
    for begin in range(first, last + 1, COPIES_AT_ONCE):
        end = min(begin + COPIES_AT_ONCE - 1, last)
        with admin.begin() as connection:
            run(connection, "SET LOCAL session_replication_role = replica")
            for table in OF_BATCH:
                _copy(connection, table, batch_id, begin, end)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        run(connection, "VACUUM ANALYZE")


def _copy(connection: Connection, table: str, batch_id: str, begin: int, end: int) -> None:
    columns = run(connection, COLUMNS, table=table).all()
    names = ", ".join(f'"{column.name}"' for column in columns)
    values = ", ".join(_value(column.name, column.type) for column in columns)
    run(
        connection,
        f"""
        INSERT INTO {table} ({names})
        SELECT {values}
        FROM {table} t
        CROSS JOIN generate_series({begin}, {end}) AS copy(number)
        WHERE {OF_BATCH[table]}""",  # noqa: S608 - our own tables
        batch=batch_id,
    )


def _value(name: str, kind: str) -> str:
    """A column's value in a copy: the same id becomes the same new one in every table."""
    if kind == "uuid":
        return f"CAST(md5(CAST(t.{name} AS text) || ':' || copy.number) AS uuid)"
    if name in NAMES:
        return f"t.{name} || ':' || copy.number"
    return "CAST('infinity' AS timestamptz)" if name in NEVER_DUE else f't."{name}"'
