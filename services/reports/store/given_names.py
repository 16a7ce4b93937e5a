"""Table `given_name`: what people call branches and source accounts, with every earlier name."""

from typing import Any, Literal

from sqlalchemy import Connection

from libs.common.database.engine import run

NameKind = Literal["branch", "source"]


def list_names(connection: Connection) -> list[dict[str, Any]]:
    """The newest line of each branch and source account that ever had a name, ordered by id."""
    found = run(
        connection,
        """
            SELECT DISTINCT ON (kind, id COLLATE "C") kind, id, version, name, given_by, given_at
            FROM given_name
            ORDER BY kind, id COLLATE "C", version DESC""",
    )
    return [dict(row) for row in found.mappings()]


def list_history(connection: Connection, kind: NameKind, name_id: str) -> list[dict[str, Any]]:
    """Every line of one branch or source account, newest first."""
    found = run(
        connection,
        """
            SELECT kind, id, version, name, given_by, given_at
            FROM given_name
            WHERE kind = :kind AND id = :id
            ORDER BY version DESC""",
        kind=kind,
        id=name_id,
    )
    return [dict(row) for row in found.mappings()]


def list_unnamed(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Branches and source accounts of approved batches that have no name now; kind and id."""
    found = run(
        connection,
        """
            WITH used AS (
                SELECT 'source' AS kind, s.value ->> 'source_account_id' AS id
                FROM batch b
                CROSS JOIN LATERAL jsonb_array_elements(b.sources) AS s
                UNION
                SELECT 'branch', r.branch_id
                FROM file_row r
            )
            SELECT kind, id
            FROM used u
            WHERE id <> '' AND coalesce((
                SELECT name
                FROM given_name g
                WHERE (g.kind, g.id) = (u.kind, u.id)
                ORDER BY version DESC
                LIMIT 1), '') = ''
            ORDER BY kind DESC, id COLLATE "C"
            LIMIT :limit""",
        limit=limit,
    )
    return [dict(row) for row in found.mappings()]


def insert_name(
    connection: Connection, kind: NameKind, name_id: str, base: int, name: str, person: str
) -> bool:
    """Give a name after the version that the person saw (0: none); "" takes it back.

    Returns:
        False: somebody has given another one meanwhile, or there is no such version. Nothing
        changes then.
    """
    found = run(
        connection,
        """
        INSERT INTO given_name (kind, id, version, name, given_by)
        SELECT :kind, :id, :version, :name, :person
        WHERE :version = 1 + coalesce((
            SELECT max(version)
            FROM given_name
            WHERE kind = :kind AND id = :id), 0)
        ON CONFLICT DO NOTHING""",
        kind=kind,
        id=name_id,
        version=base + 1,
        name=name,
        person=person,
    )
    return bool(found.rowcount)


def names_by_id(connection: Connection) -> dict[tuple[str, str], str]:
    """The names that there are now, by kind and id."""
    return {(one["kind"], one["id"]): one["name"] for one in list_names(connection) if one["name"]}
