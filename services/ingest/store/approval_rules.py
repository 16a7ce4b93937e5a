"""Tables `approval_rules` and `approval_rule`: rules by amount, each version with its history.

The rules that hold are those of the newest confirmed version. What a rule means is written once, in
the database's function `rules_hit`: approvals, try-outs and the trigger use it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import Connection

from libs.common.contracts.events.approval_rules import ApprovalRulesChanged
from libs.common.database.engine import run
from libs.common.messaging import outbox
from services.ingest import handlers
from services.ingest.domain.approval_rules import Rule, RuleSet
from services.ingest.store.newest_events import list_newest

_SETS: Final = """
    SELECT rules_version, reason, tried, tried_two, proposed_by, proposed_at, proposed_counts_as,
        outcome, ended_by, ended_at, ended_counts_as, end_reason,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('scope', r.scope,
                'source_account_id', r.source_account_id, 'from_cents', r.from_cents)
                ORDER BY r.position), '[]')
            FROM approval_rule r
            WHERE r.rules_version = s.rules_version) AS rules
    FROM approval_rules s"""


def lock_rules(connection: Connection, *, change: bool) -> None:
    """Approvals wait for a change of the rules, and a change waits for approvals."""
    shared = "" if change else "_shared"
    run(connection, f"SELECT pg_advisory_xact_lock{shared}(hashtext('ingest.approval_rules'))")


def _to_set(row: Any) -> RuleSet:
    rules = tuple(Rule(**one) for one in row["rules"])
    counts = {name: tuple(row[name]) for name in ("proposed_counts_as", "ended_counts_as")}
    return RuleSet(**{**row, "rules": rules, **counts})


def list_sets(connection: Connection) -> list[RuleSet]:
    """List all versions, the newest first."""
    found = run(connection, f"{_SETS} ORDER BY rules_version DESC")
    return [_to_set(row) for row in found.mappings()]


def find_current(connection: Connection) -> RuleSet | None:
    """Find the rules that hold; None if none was ever confirmed."""
    found = run(
        connection,
        f"{_SETS} WHERE outcome = 'confirmed' ORDER BY rules_version DESC LIMIT 1",
    )
    row = found.mappings().first()
    return None if row is None else _to_set(row)


def list_hit(connection: Connection, batch_id: UUID, rules: RuleSet | None) -> list[Rule]:
    """List the rules by which the rows of a batch that are payable now need two approvers."""
    if rules is None or not rules.rules:
        return []
    hit = run(
        connection,
        "SELECT rules_hit(:id, :version) ORDER BY 1",
        id=batch_id,
        version=rules.rules_version,
    ).scalars()
    return [rules.rules[position] for position in hit]


def try_out(connection: Connection, rules_version: int, current: int, limit: int) -> Sequence[Any]:
    """Try rules out on the batches that were approved last: which would need two approvers.

    Columns: batch_id, filename, approved_at, approved_by, payments_cents; `hit`, the numbers of the
    rules that ask for a second approver, and `hit_now`, whether the current ones do.
    """
    found: Sequence[Any] = run(
        connection,
        """
        SELECT b.batch_id, b.filename, a.approved_at, a.approved_by, a.payments_cents,
            ARRAY(SELECT rules_hit(b.batch_id, :version) ORDER BY 1) AS hit,
            EXISTS (SELECT rules_hit(b.batch_id, :current)) AS hit_now
        FROM (SELECT * FROM approval ORDER BY approved_at DESC, batch_id LIMIT :limit) a
        JOIN batch b USING (batch_id)
        ORDER BY a.approved_at DESC, b.batch_id""",
        version=rules_version,
        current=current,
        limit=limit,
    ).all()
    return found


def find_newest_approval(connection: Connection) -> datetime | None:
    """Find when a batch was approved last; None if none was."""
    found = run(connection, "SELECT max(approved_at) FROM approval").scalar()
    return found if isinstance(found, datetime) else None


def insert_set(connection: Connection, rules: RuleSet) -> None:
    """Insert a version and its rules, without a message."""
    run(
        connection,
        """
        INSERT INTO approval_rules (
            rules_version, reason, tried, tried_two, proposed_by, proposed_at, proposed_counts_as,
            outcome, ended_by, ended_at, ended_counts_as, end_reason)
        VALUES (:version, :reason, :tried, :tried_two, :proposed_by, :proposed_at,
            :proposed_counts_as, :outcome, :ended_by, :ended_at, :ended_counts_as,
            :end_reason)""",
        version=rules.rules_version,
        reason=rules.reason,
        tried=rules.tried,
        tried_two=rules.tried_two,
        proposed_by=rules.proposed_by,
        proposed_at=rules.proposed_at,
        proposed_counts_as=list(rules.proposed_counts_as),
        outcome=rules.outcome,
        ended_by=rules.ended_by,
        ended_at=rules.ended_at,
        ended_counts_as=list(rules.ended_counts_as),
        end_reason=rules.end_reason,
    )
    for position, rule in enumerate(rules.rules):
        run(
            connection,
            """
            INSERT INTO approval_rule (
                rules_version, position, scope, source_account_id, from_cents)
            VALUES (:version, :position, :scope, :source, :from_cents)""",
            version=rules.rules_version,
            position=position,
            scope=rule.scope,
            source=rule.source_account_id,
            from_cents=rule.from_cents,
        )


def end_set(connection: Connection, rules: RuleSet) -> None:
    """Write that a second person has decided about a version; without a message."""
    run(
        connection,
        """
        UPDATE approval_rules
        SET outcome = :outcome, ended_by = :ended_by, ended_at = :ended_at,
            ended_counts_as = :ended_counts_as, end_reason = :end_reason
        WHERE rules_version = :version AND outcome = ''""",
        version=rules.rules_version,
        outcome=rules.outcome,
        ended_by=rules.ended_by,
        ended_at=rules.ended_at,
        ended_counts_as=list(rules.ended_counts_as),
        end_reason=rules.end_reason,
    )


def publish(connection: Connection, rules: RuleSet) -> None:
    """Publish a version as it is now. On a topic the rules are kept for a restore."""
    event_id = uuid5(NAMESPACE_URL, f"paydown:approval-rules-{rules.rules_version}-{rules.version}")
    outbox.add(connection, [handlers.approval_rules_changed(rules, event_id)])


def recover_rules(connection: Connection, first: int) -> None:
    """Write the rules as they were published last. A second call changes nothing.

    Args:
        first: only events with a higher outbox id count: those recovered after a restore.
    """
    found = [
        handlers.published_approval_rules(one)
        for one in list_newest(connection, first, ApprovalRulesChanged)
    ]
    known = {one.rules_version for one in list_sets(connection)}
    for rules in sorted(found, key=lambda one: one.rules_version):
        if rules.rules_version not in known:
            insert_set(connection, rules)
        elif rules.outcome:
            end_set(connection, rules)
