"""A database's schema as text, read from PostgreSQL's catalog: the same text for the same schema.

Tables with columns, constraints, indexes, triggers and grants; views, sequences, functions, types.
What differs between servers without a difference in the schema is left out or normalised: names of
roles, numbers, the owner's own rights, and how a version of PostgreSQL prints a view.
"""

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from libs.common.database.engine import run

INDENT = "    "
#: Alembic's own table is not made by a migration.
NOT_OURS = ("alembic_version",)
RELATIONS = """
    SELECT c.oid, c.relname AS name, c.relkind AS kind, c.relpersistence AS persistence,
           c.relrowsecurity AS row_security, c.reloptions AS options,
           pg_get_userbyid(c.relowner) AS owner
    FROM pg_class c
    WHERE c.relnamespace = CAST('public' AS regnamespace)
      AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND c.relname <> ALL(CAST(:not_ours AS text[]))
    ORDER BY c.relname COLLATE "C" """
COLUMNS = """
    SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
           a.attnotnull AS required, a.attidentity AS identity, a.attgenerated AS generated,
           pg_get_expr(d.adbin, d.adrelid) AS expression,
           CASE WHEN a.attcollation <> t.typcollation THEN o.collname END AS "collation"
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_collation o ON o.oid = a.attcollation
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = :relation
      AND a.attnum > 0
      AND NOT a.attisdropped
    ORDER BY a.attnum"""
# From version 18 on NOT NULL is a constraint as well ('n'); a constraint trigger ('t') is listed
# with the triggers.
CONSTRAINTS = """
    SELECT conname AS name, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint
    WHERE conrelid = :relation
      AND contype NOT IN ('n', 't')
    ORDER BY conname COLLATE "C" """
INDEXES = """
    SELECT pg_get_indexdef(indexrelid) AS definition
    FROM pg_index
    WHERE indrelid = :relation
    ORDER BY pg_get_indexdef(indexrelid) COLLATE "C" """
TRIGGERS = """
    SELECT pg_get_triggerdef(oid) AS definition, tgenabled AS enabled
    FROM pg_trigger
    WHERE tgrelid = :relation
      AND NOT tgisinternal
    ORDER BY tgname COLLATE "C" """
# Grants are ordered by the number of the role: its name differs between databases.
RELATION_GRANTS = """
    SELECT CASE WHEN g.grantee = 0 THEN 'public' ELSE pg_get_userbyid(g.grantee) END AS role,
           string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type COLLATE "C") AS rights
    FROM pg_class c
    CROSS JOIN aclexplode(c.relacl) g
    WHERE c.oid = :relation
      AND g.grantee <> c.relowner
    GROUP BY 1
    ORDER BY min(g.grantee), 1"""
COLUMN_GRANTS = """
    SELECT pg_get_userbyid(g.grantee) || ' on ' || a.attname AS role,
           string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type COLLATE "C") AS rights
    FROM pg_attribute a
    CROSS JOIN aclexplode(a.attacl) g
    WHERE a.attrelid = :relation
    GROUP BY 1
    ORDER BY min(g.grantee), 1"""
SEQUENCE = """
    SELECT s.data_type, s.start_value, s.min_value, s.max_value, s.increment_by, s.cycle,
           s.cache_size
    FROM pg_sequences s
    WHERE s.schemaname = 'public'
      AND s.sequencename = :name"""
FUNCTIONS = """
    SELECT p.oid, p.proname AS name, pg_get_functiondef(p.oid) AS definition,
           pg_get_userbyid(p.proowner) AS owner
    FROM pg_proc p
    WHERE p.pronamespace = CAST('public' AS regnamespace)
    ORDER BY p.proname COLLATE "C", pg_get_function_identity_arguments(p.oid) COLLATE "C" """
FUNCTION_GRANTS = """
    SELECT CASE WHEN g.grantee = 0 THEN 'public' ELSE pg_get_userbyid(g.grantee) END AS role,
           string_agg(g.privilege_type, ', ') AS rights
    FROM pg_proc p
    CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
    WHERE p.oid = :function
      AND g.grantee <> p.proowner
    GROUP BY 1
    ORDER BY min(g.grantee), 1"""
TYPES = """
    SELECT t.typname AS name,
           CASE WHEN t.typtype = 'e'
                THEN 'enum ' || (SELECT string_agg(quote_literal(enumlabel), ', '
                                                   ORDER BY enumsortorder)
                                 FROM pg_enum WHERE enumtypid = t.oid)
                ELSE 'domain ' || format_type(t.typbasetype, t.typtypmod)
           END AS definition
    FROM pg_type t
    WHERE t.typnamespace = CAST('public' AS regnamespace)
      AND t.typtype IN ('e', 'd')
    ORDER BY t.typname COLLATE "C" """
SCHEMA_GRANTS = """
    SELECT CASE WHEN g.grantee = 0 THEN 'public' ELSE pg_get_userbyid(g.grantee) END AS role,
           string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type COLLATE "C") AS rights
    FROM pg_namespace n
    CROSS JOIN aclexplode(n.nspacl) g
    WHERE n.nspname = 'public'
      AND g.grantee <> n.nspowner
    GROUP BY 1
    ORDER BY min(g.grantee), 1"""
EXTENSIONS = """
    SELECT extname AS name
    FROM pg_extension
    WHERE extname <> 'plpgsql'
    ORDER BY 1"""

KINDS = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "S": "sequence",
}
TRIGGER_STATES = {"O": "", "D": "disabled: ", "R": "on replicas only: ", "A": "always: "}


def describe(connection: Connection, owner: str, service: str) -> str:
    """The schema `public` of a database as text.

    Args:
        connection: as the role that owns the schema.
        owner: that role; `owner` in the text.
        service: the role that uses the schema; `service` in the text.
    """
    lines = [f"grant on schema: {row.role}: {row.rights}" for row in run(connection, SCHEMA_GRANTS)]
    lines += [f"extension {row.name}" for row in run(connection, EXTENSIONS)]
    lines += [f"type {row.name}: {row.definition}" for row in run(connection, TYPES)]
    for relation in run(connection, RELATIONS, not_ours=list(NOT_OURS)).all():
        lines += ["", *_relation(connection, relation)]
    for function in run(connection, FUNCTIONS).all():
        lines += ["", *_function(connection, function)]
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    return re.sub(rf"\b{re.escape(owner)}\b", "owner", text).replace(service, "service")


def _relation(connection: Connection, relation: Any) -> list[str]:  # Any: a row of RELATIONS
    kind = KINDS[relation.kind]
    lines = [f"{kind} {relation.name} (owned by {relation.owner})"]
    if relation.persistence != "p":
        lines.append(f"{INDENT}persistence: {relation.persistence}")
    if relation.options:
        lines.append(f"{INDENT}options: {', '.join(sorted(relation.options))}")
    if relation.row_security:
        lines.append(f"{INDENT}row security: on")
    if kind == "sequence":
        row = run(connection, SEQUENCE, name=relation.name).mappings().one()
        lines.append(INDENT + ", ".join(f"{name}={value}" for name, value in row.items()))
    else:
        lines += _columns(connection, relation.oid)
    if kind.endswith("view"):
        lines += _view(connection, relation.oid)
    lines += _section(
        "constraints",
        (f"{row.name} {row.definition}" for row in _of(connection, CONSTRAINTS, relation.oid)),
    )
    lines += _section("indexes", (row.definition for row in _of(connection, INDEXES, relation.oid)))
    lines += _section(
        "triggers",
        (
            TRIGGER_STATES[row.enabled] + row.definition
            for row in _of(connection, TRIGGERS, relation.oid)
        ),
    )
    grants = [
        *_of(connection, RELATION_GRANTS, relation.oid),
        *_of(connection, COLUMN_GRANTS, relation.oid),
    ]
    return lines + _section("grants", (f"{row.role}: {row.rights}" for row in grants))


def _of(connection: Connection, query: str, relation: int) -> list[Any]:  # Any: rows of the query
    return list(run(connection, query, relation=relation))


def _columns(connection: Connection, relation: int) -> list[str]:
    lines = []
    for row in _of(connection, COLUMNS, relation):
        parts = [row.name, row.type]
        if row.collation:
            parts.append(f"COLLATE {row.collation}")
        if row.required:
            parts.append("NOT NULL")
        if row.identity:
            parts.append(
                f"GENERATED {'ALWAYS' if row.identity == 'a' else 'BY DEFAULT'} AS IDENTITY"
            )
        if row.generated:
            parts.append(f"GENERATED ALWAYS AS ({row.expression}) STORED")
        elif row.expression:
            parts.append(f"DEFAULT {row.expression}")
        lines.append(" ".join(parts))
    return _section("columns", lines)


def _view(connection: Connection, relation: int) -> list[str]:
    """A view's query without qualifiers: older versions of PostgreSQL qualify each column."""
    text = run(connection, "SELECT pg_get_viewdef(:relation)", relation=relation).scalar()
    bare = re.sub(r"\b[a-z_][a-z0-9_]*\.(?=[a-z_\"])", "", str(text))
    return _section("query", (line.strip() for line in bare.splitlines()))


def _function(connection: Connection, function: Any) -> list[str]:  # Any: a row of FUNCTIONS
    lines = [f"function {function.name} (owned by {function.owner})"]
    lines += [INDENT + line for line in function.definition.splitlines()]
    grants = run(connection, FUNCTION_GRANTS, function=function.oid)
    return lines + _section("grants", (f"{row.role}: {row.rights}" for row in grants))


def _section(title: str, lines: Iterable[str]) -> list[str]:
    found = [INDENT * 2 + line for line in lines]
    return [f"{INDENT}{title}", *found] if found else []
