"""The judgement of a closed statement: comparisons 1 to 4, breaks that open and close, and the certificate that ends a batch.

Judged in the transaction of whatever message was the last to be missing, so that what the ledger holds follows from its messages alone.
Every call expects the batch to be locked (`store.lock_batches`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection

from libs.common.contracts.events.ledger import (
    Break,
    CertificateIssued,
    Outcome,
    ReconciliationJudged,
)
from libs.common.database.engine import run
from libs.common.messaging import outbox
from libs.common.observability.logs import log
from services.ledger.domain import FINAL
from services.ledger.reconciliation import rules
from services.ledger.reconciliation.rules import Finding, Tally
from services.ledger.store import statements
from services.ledger.store.statements import Run

BREAKS_TOLD = 100
WAITING_MAX = 1_000


def judge_due(connection: Connection, batch_ids: Iterable[UUID], overdue: bool = False) -> int:
    """Judge every run of these batches that has all it needs, oldest first; the number judged.

    With `overdue`, a run that still misses something is reported with what it misses, and judged when that has come. Dead letters of
    the batch are reported at once.
    """
    judged = 0
    for walk in statements.unjudged(connection, list(batch_ids)):
        if not walk.complete:
            conclude(
                connection,
                walk,
                "incomplete",
                [
                    Finding(
                        "incomplete",
                        "walk",
                        expected="the whole list",
                        found=walk.message or "cut short",
                    )
                ],
            )
            continue
        missing = statements.obstacles(connection, walk)
        if not missing:
            judge(connection, walk)
            judged += 1
        elif (overdue or all(f.kind == "dead_letter" for f in missing)) and (
            walk.verdict,
            walk.break_count,
        ) != ("incomplete", len(missing)):
            conclude(connection, walk, "incomplete", missing)
    return judged


def judge(connection: Connection, walk: Run) -> None:
    """Compare a run that has all it needs; its breaks, its verdict and, if all is well and final, its certificate."""
    until, fresh = statements.cut(connection, walk)
    batch = run(connection, "SELECT * FROM batch WHERE batch_id = :id", id=walk.batch_id).one()
    findings = statements.strangers(connection, walk) + statements.balances(
        connection, walk.batch_id
    )
    by_status: dict[str, Tally] = {}
    count = cents = 0
    for page in statements.payments(connection, walk, until):
        for payment, lines in page:
            findings += rules.check_payment(payment, lines)
            known = by_status.get(payment.status, Tally())
            by_status[payment.status] = Tally(
                known.rows + payment.row_count, known.amount_cents + payment.amount_cents
            )
            count, cents = count + 1, cents + payment.amount_cents
    tallies = tally(batch, by_status)
    held = statements.held(connection, walk.batch_id)
    payable = Tally(batch.row_counts["payable"], batch.amounts_cents["payable"])
    findings += rules.check_parts(
        "payments",
        {"count": Tally(batch.payments, batch.payments_cents)},
        {"count": Tally(count, cents)},
    )
    findings += rules.check_parts("batch", {"payable": payable}, held["batch"])
    findings += rules.check_parts("source", _parts(batch.payable_by_source), held["source"])
    findings += rules.check_parts("branch", _parts(batch.payable_by_branch), held["branch"])
    if walk.dead_letters:
        findings.append(
            Finding(
                "dead_letter",
                "dispatcher",
                expected="every message applied",
                found=f"{walk.dead_letters} rejected by the dispatcher",
            )
        )
    final = set(by_status) <= FINAL
    if final:
        findings += rules.check_conservation(tallies)
    conclude(connection, walk, "breaks" if findings else "clean", findings)
    if final and fresh and not findings:
        certify(connection, walk, tallies)


def tally(batch: Any, by_status: Mapping[str, Tally]) -> dict[str, Tally]:  # a row of `batch`
    """The outcomes of a certificate: what became of the payments' rows, and the rows that never entered the approval."""
    tallies = {"total": Tally(batch.row_counts["total"], batch.amounts_cents["total"])}
    tallies |= {name: by_status.get(status, Tally()) for status, name in rules.OUTCOMES.items()}
    return tallies | {
        name: Tally(batch.row_counts[name], batch.amounts_cents[name]) for name in rules.UNPAID
    }


def _parts(stored: Mapping[str, Sequence[int]]) -> dict[str, Tally]:
    return {part: Tally(rows, cents) for part, (rows, cents) in stored.items()}


def conclude(connection: Connection, walk: Run, verdict: str, findings: Sequence[Finding]) -> None:
    """Keep a verdict with its breaks, and tell the others; a later conclusion of the same run replaces it."""
    keep_breaks(connection, walk, findings)
    told = run(
        connection,
        """
        UPDATE statement_run SET verdict = :verdict, break_count = :count, judgements = judgements + 1, judged_at = now()
        WHERE run_id = :id RETURNING judgements""",
        id=walk.run_id,
        verdict=verdict,
        count=len(findings),
    ).scalar_one()
    log.info(
        "reconciliation_judged",
        batch_id=str(walk.batch_id),
        run_id=str(walk.run_id),
        outcome=verdict,
        count=len(findings),
    )
    outbox.add(
        connection,
        [
            ReconciliationJudged(
                event_id=uuid5(walk.run_id, f"judged-{told}"),
                occurred_at=walk.closed_at,
                correlation=str(walk.batch_id),
                batch_id=walk.batch_id,
                run_id=walk.run_id,
                clean=verdict == "clean",
                break_count=len(findings),
                breaks=tuple(
                    Break.model_validate(
                        {
                            "break_id": f.break_id(walk.batch_id),
                            "kind": f.kind,
                            "payment_id": f.payment_id,
                            "provider_payment_id": f.provider_payment_id,
                            "expected": f.expected,
                            "found": f.found,
                        }
                    )
                    for f in findings[:BREAKS_TOLD]
                ),
            )
        ],
    )


def keep_breaks(connection: Connection, walk: Run, findings: Sequence[Finding]) -> None:
    """Open what is new, keep the age of what was known, close what this run no longer finds (except what waits without any run)."""
    put_breaks(connection, walk.batch_id, walk.run_id, findings)
    run(
        connection,
        """
        UPDATE reconciliation_break SET closed_at = now(), last_run_id = :run
        WHERE batch_id = :batch AND closed_at IS NULL AND break_id <> ALL(CAST(:found AS uuid[]))
            AND NOT (kind = 'waiting' AND subject = ANY(CAST(:alone AS text[])))""",
        run=walk.run_id,
        batch=walk.batch_id,
        found=[str(f.break_id(walk.batch_id)) for f in findings],
        alone=["change", "approval"],
    )


def put_breaks(
    connection: Connection, batch_id: UUID, run_id: UUID | None, findings: Sequence[Finding]
) -> None:
    """Write breaks; one that is known keeps its opening time, one that was closed is open again."""
    unique = {f.break_id(batch_id): f for f in findings}
    names = ("kind", "payment_id", "provider_payment_id", "subject", "expected", "found")
    run(
        connection,
        """
        INSERT INTO reconciliation_break AS b (break_id, kind, payment_id, provider_payment_id, subject, expected, found, batch_id, first_run_id,
                                               last_run_id, opened_at, last_seen_at)
        SELECT f.*, :batch, CAST(:run AS uuid), CAST(:run AS uuid), now(), now()
        FROM unnest(CAST(:ids AS uuid[]), CAST(:kind AS text[]), CAST(:payment_id AS text[]), CAST(:provider_payment_id AS text[]),
                    CAST(:subject AS text[]), CAST(:expected AS text[]), CAST(:found AS text[])) AS f
        ON CONFLICT (break_id) DO UPDATE SET expected = excluded.expected, found = excluded.found, last_run_id = excluded.last_run_id,
            last_seen_at = excluded.last_seen_at, closed_at = NULL""",
        batch=batch_id,
        run=run_id,
        ids=[str(i) for i in unique],
        **{name: [getattr(f, name) for f in unique.values()] for name in names},
    )


def certify(connection: Connection, walk: Run, tallies: Mapping[str, Tally]) -> None:
    """Issue the next version of a batch's certificate, unless the last one says the same or is of a later walk."""
    last = run(
        connection,
        """
        SELECT c.version, c.body, r.begun_at FROM certificate c LEFT JOIN statement_run r USING (run_id)
        WHERE c.batch_id = :id ORDER BY c.version DESC LIMIT 1""",
        id=walk.batch_id,
    ).first()
    says: dict[str, Any] = {"outcome": rules.outcome(tallies)} | {  # JSON
        name: {"rows": t.rows, "amount_cents": t.amount_cents} for name, t in tallies.items()
    }
    if last is not None and (
        last.begun_at is None
        or last.begun_at > walk.begun_at
        or {name: last.body[name] for name in says} == says
    ):
        return  # a walk that is not here is one of after a copy from which this database came back
    version = last.version + 1 if last else 1
    body = {"batch_id": str(walk.batch_id), "version": version, "run_id": str(walk.run_id), **says}
    body["digest"] = rules.digest(body)
    run(
        connection,
        """
        INSERT INTO certificate (batch_id, version, run_id, outcome, digest, body, issued_at)
        SELECT :batch, :version, :run, :outcome, :digest, CAST(:body AS jsonb), :at""",
        batch=walk.batch_id,
        version=version,
        run=walk.run_id,
        outcome=body["outcome"],
        digest=body["digest"],
        body=json.dumps(body),
        at=walk.closed_at,
    )
    outbox.add(
        connection,
        [
            CertificateIssued.model_validate(
                {
                    "event_id": uuid5(walk.batch_id, f"certificate-{version}"),
                    "occurred_at": walk.closed_at,
                    "correlation": str(walk.batch_id),
                    **body,
                    **{
                        name: Outcome(rows=t.rows, amount_cents=t.amount_cents)
                        for name, t in tallies.items()
                    },
                }
            )
        ],
    )


def take_back(connection: Connection, first: int) -> None:
    """After a restore: the certificates that were issued since the copy (outbox ids above `first`), so that no version is issued twice."""
    run(
        connection,
        """
        INSERT INTO certificate (batch_id, version, run_id, outcome, digest, body, issued_at)
        SELECT CAST(b ->> 'batch_id' AS uuid), CAST(b ->> 'version' AS int), CAST(b ->> 'run_id' AS uuid), b ->> 'outcome', b ->> 'digest',
               b - ARRAY['event_id', 'type', 'occurred_at', 'correlation'], CAST(b ->> 'occurred_at' AS timestamptz)
        FROM outbox CROSS JOIN LATERAL (SELECT CAST(body AS jsonb) AS b) j WHERE id > :first AND message_type = :type
        ON CONFLICT DO NOTHING""",
        first=first,
        type=CertificateIssued.name(),
    )


def note_waiting(connection: Connection, older_than_s: int) -> None:
    """Open a break for each change, and each approval's payments, that have been waited for too long; close those that have come."""
    found: dict[UUID, list[Finding]] = {}
    short = run(
        connection,
        """
        SELECT b.batch_id, b.payments, p.here FROM batch b CROSS JOIN LATERAL (SELECT count(*) AS here FROM payment p WHERE p.batch_id = b.batch_id) p
        WHERE b.status IN ('approved', 'paying', 'paused') AND b.changed_at < now() - make_interval(secs => :age) AND p.here < b.payments""",
        age=older_than_s,
    ).all()
    for row in short:
        found[row.batch_id] = [
            Finding(
                "waiting",
                "approval",
                expected=f"{row.payments} approved payments",
                found=f"{row.here} are here",
            )
        ]
    for row in run(
        connection,
        """
            SELECT batch_id, payment_id, min(version) AS version FROM waiting WHERE since < now() - make_interval(secs => :age)
            GROUP BY 1, 2 ORDER BY 1, 2 LIMIT :most""",
        age=older_than_s,
        most=WAITING_MAX,
    ):
        found.setdefault(row.batch_id, []).append(
            Finding(
                "waiting",
                "change",
                str(row.payment_id),
                "",
                f"the versions before {row.version}",
                "not here yet",
            )
        )
    for batch_id, findings in found.items():
        put_breaks(connection, batch_id, None, findings)
    run(
        connection,
        """
        UPDATE reconciliation_break b SET closed_at = now() WHERE kind = 'waiting' AND subject = 'change' AND closed_at IS NULL
            AND NOT EXISTS (SELECT FROM waiting w WHERE w.payment_id = CAST(b.payment_id AS uuid))""",
    )
    run(
        connection,
        """
        UPDATE reconciliation_break SET closed_at = now() WHERE kind = 'waiting' AND subject = 'approval' AND closed_at IS NULL
            AND batch_id <> ALL(CAST(:short AS uuid[]))""",
        short=[str(row.batch_id) for row in short],
    )


def unfinished(connection: Connection, older_than_s: int) -> tuple[list[UUID], list[UUID]]:
    """Batches to look at again: those whose dead letters are all redriven, and those whose run has missed something for too long."""
    rows = run(
        connection,
        """
        SELECT r.batch_id, bool_or(r.verdict IS NULL AND r.closed_at < now() - make_interval(secs => :age)) AS overdue FROM statement_run r
        WHERE r.complete AND (r.verdict IS NULL OR r.verdict = 'incomplete') GROUP BY 1 ORDER BY 1""",
        age=older_than_s,
    ).all()
    return [row.batch_id for row in rows if not row.overdue], [
        row.batch_id for row in rows if row.overdue
    ]


def finish_all(connection: Connection) -> None:
    """Judge whatever can be judged, oldest walk first: the end of a rebuild, which reads topics in another order."""
    ids = (
        run(
            connection,
            "SELECT DISTINCT batch_id FROM statement_run WHERE verdict IS NULL ORDER BY 1",
        )
        .scalars()
        .all()
    )
    for batch_id in ids:
        judge_due(connection, [batch_id])
