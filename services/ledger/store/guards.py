"""Whether the triggers that guard the ledger are all there and switched on.

Whoever owns the tables can drop or disable a trigger. That cannot be prevented, but it is seen.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, Engine

from libs.common.database.engine import run

#: Table and trigger, as the migrations make them.
GUARDS: Final = frozenset(
    {
        ("journal", "check_journals"),
        ("journal", "check_certified"),
        ("journal", "refuse_change"),
        ("entry", "check_entries"),
        ("entry", "check_mirror"),
        ("entry", "keep_balances"),
        ("entry", "refuse_change"),
        ("balance", "guard_balance"),
        ("certificate", "refuse_change"),
        ("acknowledgement", "acknowledgement_guard"),
        ("acknowledgement", "refuse_change"),
        ("correction", "refuse_change"),
        ("account_mapping", "refuse_change"),
        ("accounting_export", "check_export"),
        ("accounting_export", "refuse_change"),
        ("exported_journal", "check_exported"),
        ("exported_journal", "refuse_change"),
        ("source_available", "refuse_change"),
    }
)


def find_missing_guards(connection: Connection) -> list[str]:
    """The guards that are gone or do not fire in every session, as `table.trigger`; sorted."""
    rows = run(
        connection,
        """
        SELECT c.relname, t.tgname
        FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = CAST(current_schema() AS regnamespace)
            AND t.tgenabled = 'A'""",
    )
    found = {(row.relname, row.tgname) for row in rows}
    return sorted(f"{table}.{trigger}" for table, trigger in GUARDS - found)


def check_guards(engine: Engine) -> Mapping[str, str]:
    """A sentence if a guard is missing; "" if all are there.

    Raises:
        SQLAlchemyError: the database does not answer.
    """
    with engine.connect() as connection:
        missing = find_missing_guards(connection)
    if not missing:
        return {"guards of the ledger": ""}
    return {
        "guards of the ledger": f"These triggers are gone or switched off: {', '.join(missing)}. "
        "Somebody with the owner's rights did that. Stop paying, find out who and why, switch them "
        "on, and compare the ledger with a rebuild."
    }
