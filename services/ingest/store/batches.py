"""Batches in the database: inserted once, moved from state to state, and published with every move.

Every function takes a connection, never commits, and says what a second call does.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.errors import Reject
from libs.common.contracts.events.ledger import CertificateIssued
from libs.common.contracts.events.preparation import DispatchChanged, PreflightDone
from libs.common.database.engine import run
from libs.common.messaging import outbox
from libs.common.observability.logs import log
from services.ingest import handlers
from services.ingest.domain import NOT_LIVE, RUNNING, Batch, Correction, Refused

COLUMNS = """
    b.batch_id, b.family_id, b.parent_batch_id, b.status, b.version, b.revision, b.filename, b.period, b.uploaded_by, b.uploaded_at, b.digest,
    b.row_messages, b.reason, b.error_code, b.error_message, b.error_line, b.dispatch_version, a.approved_by, a.approved_at,
    coalesce(a.acknowledged, '{}') AS acknowledged, coalesce(a.one_person, false) AS one_person, coalesce(a.payments, 0) AS payments,
    coalesce(a.payments_cents, 0) AS payments_cents, b.content_sha256"""

NEWEST_CERTIFICATE = "SELECT DISTINCT ON (batch_id) batch_id, version, body->>'outcome' AS outcome FROM certificate ORDER BY batch_id, version DESC"


class UnknownBatch(Reject):
    """A message names a batch or a payment that was never made here."""

    code = "ingest.unknown-batch"


def as_batch(found: Any) -> Batch:
    """A Batch from a row of COLUMNS."""
    values: dict[str, Any] = {
        name: getattr(found, name) for name in Batch.__dataclass_fields__
    }  # typed by the columns' own types
    return Batch(**{**values, "acknowledged": tuple(found.acknowledged)})


def find(connection: Connection, batch_id: UUID, lock: bool = False) -> Batch:
    """A batch; with `lock` nobody else can move it until this transaction ends.

    Raises:
        Refused: there is no such batch.
    """
    if lock:
        run(connection, "SELECT 1 FROM batch WHERE batch_id = :id FOR UPDATE", id=batch_id)
    found = run(
        connection,
        f"SELECT {COLUMNS} FROM batch b LEFT JOIN approval a USING (batch_id) WHERE b.batch_id = :id",  # noqa: S608
        id=batch_id,
    ).first()
    if found is None:
        raise Refused(
            "unknown", "batch.unknown", "There is no such batch.", "Look at the list of batches."
        )
    return as_batch(found)


def live_twin(connection: Connection, sha256: str) -> UUID | None:
    """The batch that is live with these very bytes, if there is one."""
    found = run(
        connection,
        "SELECT batch_id FROM batch WHERE content_sha256 = :sha256 AND status <> ALL(:ended) ORDER BY uploaded_at LIMIT 1",
        sha256=sha256,
        ended=list(NOT_LIVE),
    ).scalar()
    return found if isinstance(found, UUID) else None


def insert(
    connection: Connection, batch: Batch, sha256: str | None, made_because: str = ""
) -> bool:
    """Add a batch; `made_because` is why the same bytes, or the same rows in a child, are taken on purpose.

    False: the same bytes came in at the same time and won; nothing was added.
    """
    return bool(
        run(
            connection,
            """
        INSERT INTO batch (batch_id, family_id, parent_batch_id, status, revision, filename, period, content_sha256, made_because, uploaded_by,
                           uploaded_at, reason)
        VALUES (:batch_id, :family_id, :parent_batch_id, :status, :revision, :filename, :period, :sha256, :made_because, :uploaded_by,
                :uploaded_at, :reason)
        ON CONFLICT (content_sha256) WHERE made_because = '' AND status NOT IN ('rejected', 'discarded', 'expired', 'cancelled') DO NOTHING""",
            batch_id=batch.batch_id,
            family_id=batch.family_id,
            parent_batch_id=batch.parent_batch_id,
            status=batch.status,
            revision=batch.revision,
            filename=batch.filename,
            period=batch.period,
            sha256=sha256,
            made_because=made_because,
            uploaded_by=batch.uploaded_by,
            uploaded_at=batch.uploaded_at,
            reason=batch.reason,
        ).rowcount
    )


def publish(connection: Connection, batch_id: UUID, now: datetime) -> Batch:
    """Tell the world what a batch is now, as its next version; the batch as published."""
    run(connection, "UPDATE batch SET version = version + 1 WHERE batch_id = :id", id=batch_id)
    batch = find(connection, batch_id)
    totals = run(
        connection,
        "SELECT kind, id, status, rows, amount_cents FROM batch_total WHERE batch_id = :id",
        id=batch_id,
    ).all()
    institutions = (
        run(
            connection,
            """
        SELECT DISTINCT institution_id FROM batch_row WHERE batch_id = :id AND status <> 'refused' ORDER BY 1""",
            id=batch_id,
        )
        .scalars()
        .all()
    )
    people = ineligible_approvers(connection, batch_id)
    outbox.add(
        connection,
        [
            handlers.batch_changed(
                batch, sources(connection, batch_id), totals, institutions, people, now
            )
        ],
    )
    return batch


def ineligible_approvers(connection: Connection, batch_id: UUID | str) -> frozenset[str]:
    """The people who had a hand in a batch or in its ancestors; nobody for what is no batch's id."""
    return frozenset(
        run(
            connection,
            "SELECT barred(batch_id) FROM batch WHERE batch_id::text = :id",
            id=str(batch_id),
        ).scalars()
    )


def sources(connection: Connection, batch_id: UUID) -> Sequence[Any]:
    """The source accounts of a batch, with the address as it is after corrections."""
    found: Sequence[Any] = run(
        connection,
        "SELECT * FROM batch_source WHERE batch_id = :id ORDER BY source_account_id",
        id=batch_id,
    ).all()
    return found


def claim_reading(connection: Connection) -> Batch | None:
    """The oldest batch nobody is reading. It is held by this transaction: a reader that dies gives it back at once."""
    return _claimed(
        connection,
        "SELECT batch_id FROM batch WHERE status = 'reading' ORDER BY uploaded_at LIMIT 1 FOR UPDATE SKIP LOCKED",
    )


def claim_checked(connection: Connection) -> tuple[Batch, PreflightDone] | None:
    """The oldest batch in `checking` whose preflight has arrived, held as above, with that preflight."""
    batch = _claimed(
        connection,
        """
        SELECT b.batch_id FROM batch b JOIN preflight p USING (batch_id, revision) WHERE b.status = 'checking'
        ORDER BY b.uploaded_at LIMIT 1 FOR UPDATE OF b SKIP LOCKED""",
    )
    if batch is None:
        return None
    body = run(
        connection,
        "SELECT body FROM preflight WHERE batch_id = :id AND revision = :revision",
        id=batch.batch_id,
        revision=batch.revision,
    )
    return batch, PreflightDone.model_validate_json(json.dumps(body.scalar_one()))


def _claimed(connection: Connection, sql: str) -> Batch | None:
    batch_id = run(connection, sql).scalar()
    return None if batch_id is None else find(connection, batch_id)


def keep_preflights(connection: Connection, events: Sequence[PreflightDone]) -> None:
    """Keep what the provider said, for the loop that fixes outcomes; an answer to an older check, or a second one, changes nothing.

    Raises:
        UnknownBatch: the batch was never made here.
    """
    for event in events:
        kept = run(
            connection,
            """
            INSERT INTO preflight (batch_id, revision, body) SELECT batch_id, :revision, CAST(:body AS jsonb) FROM batch WHERE batch_id = :id
            ON CONFLICT (batch_id, revision) DO UPDATE SET body = preflight.body""",
            id=event.batch_id,
            revision=event.revision,
            body=event.model_dump_json(),
        )
        if not kept.rowcount:
            raise UnknownBatch(f"no batch {event.batch_id} is known here")


def reject(
    connection: Connection, batch_id: UUID, code: str, message: str, line: int | None, now: datetime
) -> None:
    """The file is refused as a whole."""
    run(
        connection,
        """UPDATE batch SET status = 'rejected', error_code = :code, error_message = :message, error_line = :line, reason = :message
                       WHERE batch_id = :id AND status = 'reading'""",
        id=batch_id,
        code=code,
        message=message,
        line=line,
    )
    publish(connection, batch_id, now)


def check_again(connection: Connection, batch_id: UUID, now: datetime) -> Batch | None:
    """Send a batch to the provider preflight, as a new revision without a digest; None if it is not waiting for that."""
    moved = run(
        connection,
        """
        UPDATE batch SET status = 'checking', revision = revision + 1, digest = NULL, ready_at = NULL
        WHERE batch_id = :id AND status IN ('reading', 'ready')""",
        id=batch_id,
    ).rowcount
    return publish(connection, batch_id, now) if moved else None


def make_ready(
    connection: Connection, batch_id: UUID, digest: str, row_messages: int, now: datetime
) -> Batch:
    """Fix the digest of a batch held by `claim_checked`; it can be approved from now on."""
    run(
        connection,
        """
        UPDATE batch SET status = 'ready', digest = :digest, ready_at = :now, row_messages = row_messages + :row_messages
        WHERE batch_id = :id AND status = 'checking'""",
        id=batch_id,
        digest=digest,
        now=now,
        row_messages=row_messages,
    )
    return publish(connection, batch_id, now)


def expire(connection: Connection, before: datetime, now: datetime, reason: str = "") -> list[UUID]:
    """End the batches that have been ready since before then; their ids. None of their rows was paid or claimed, all count as cancelled."""
    return _moved(
        connection,
        now,
        run(
            connection,
            """
        UPDATE batch SET status = 'expired', reason = :reason WHERE status = 'ready' AND ready_at < :before RETURNING batch_id""",
            before=before,
            reason=reason,
        ),
    )


def archive(connection: Connection, before: datetime, now: datetime) -> list[UUID]:
    """Put away the batches that were completed before then; their ids. Nothing of them goes, and `certify` brings one back."""
    return _moved(
        connection,
        now,
        run(
            connection,
            """
        UPDATE batch SET status = 'archived' WHERE status IN ('completed', 'completed_with_failures') AND ended_at < :before RETURNING batch_id""",
            before=before,
        ),
    )


def _moved(connection: Connection, now: datetime, found: Any) -> list[UUID]:
    ids = list(found.scalars())
    for batch_id in ids:
        publish(connection, batch_id, now)
    return ids


def discard(
    connection: Connection,
    batch_id: UUID,
    person: str,
    reason: str,
    states: Sequence[str],
    now: datetime,
) -> bool:
    """Discard a batch before its approval. False: it is in no state for that (or has just left it); nothing changed."""
    moved = run(
        connection,
        "UPDATE batch SET status = 'discarded', reason = :reason WHERE batch_id = :id AND status = ANY(:states)",
        id=batch_id,
        reason=reason,
        states=list(states),
    ).rowcount
    if not moved:
        return False
    run(
        connection,
        "INSERT INTO discard (batch_id, reason, discarded_by, discarded_at) VALUES (:id, :reason, :person, :now)",
        id=batch_id,
        reason=reason,
        person=person,
        now=now,
    )
    publish(connection, batch_id, now)
    return True


def discarded(connection: Connection, batch_id: UUID) -> Any:
    """Who discarded a batch, when and why; None if nobody did."""
    return run(
        connection,
        "SELECT reason, discarded_by, discarded_at FROM discard WHERE batch_id = :id",
        id=batch_id,
    ).first()


def correct(
    connection: Connection, batch_id: UUID, made: Sequence[Correction], person: str, now: datetime
) -> None:
    """Change addresses of a ready batch, each kept beside what it was, and send the batch to be checked again.

    Raises:
        Refused: a source is not of this batch, or its address is not what the caller saw; roll back.
    """
    for one in made:
        changed = run(
            connection,
            f"""
            UPDATE batch_source SET {one.field} = :to_value
            WHERE batch_id = :id AND source_account_id = :source AND {one.field} = :from_value""",  # noqa: S608 - one of four column names
            id=batch_id,
            source=one.source_account_id,
            from_value=one.from_value,
            to_value=one.to_value,
        ).rowcount
        if not changed:
            raise Refused(
                "conflict",
                "correction.stale",
                f"The {one.field} of {one.source_account_id} is not what was seen.",
                "Look at the batch again.",
            )
        run(
            connection,
            """
            INSERT INTO correction (batch_id, source_account_id, field, from_value, to_value, corrected_by, corrected_at)
            VALUES (:id, :source, :field, :from_value, :to_value, :person, :now)""",
            id=batch_id,
            source=one.source_account_id,
            field=one.field,
            from_value=one.from_value,
            to_value=one.to_value,
            person=person,
            now=now,
        )
    check_again(connection, batch_id, now)


def corrections(connection: Connection, batch_id: UUID) -> Sequence[Any]:
    """What was corrected in a batch, in that order."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT source_account_id, field, from_value, to_value, corrected_by, corrected_at FROM correction WHERE batch_id = :id
        ORDER BY correction_id""",
        id=batch_id,
    ).all()
    return found


def follow_dispatch(
    connection: Connection, events: Sequence[DispatchChanged], now: datetime
) -> None:
    """Show what the dispatcher does with approved batches; an older version, or a batch that has ended, changes nothing.

    Raises:
        UnknownBatch: the batch was never made here.
    """
    for event in events:
        if (
            run(
                connection, "SELECT 1 FROM batch WHERE batch_id = :id FOR UPDATE", id=event.batch_id
            ).first()
            is None
        ):
            raise UnknownBatch(f"no batch {event.batch_id} is known here")
        moved = run(
            connection,
            """
            UPDATE batch SET status = :state, dispatch_version = :version, reason = :reason
            WHERE batch_id = :id AND status = ANY(:running) AND dispatch_version < :version""",
            id=event.batch_id,
            state=event.state,
            version=event.version,
            reason=event.reason,
            running=list(RUNNING),
        ).rowcount
        if moved:
            publish(connection, event.batch_id, now)


def certify(connection: Connection, event: CertificateIssued, now: datetime) -> None:
    """End a batch as its certificate says, also one that had ended otherwise or is archived; an older one, or the same again, changes nothing.

    The certificate is kept, and the batch stays as it is, while a message about it lies among the dead letters here (see `complete`).

    Raises:
        UnknownBatch: no such batch was approved here.
    """
    found = run(
        connection,
        """
        SELECT (SELECT max(c.version) FROM certificate c WHERE c.batch_id = b.batch_id) AS newest
        FROM batch b JOIN approval USING (batch_id) WHERE b.batch_id = :id FOR UPDATE OF b""",
        id=event.batch_id,
    ).first()
    if found is None:
        raise UnknownBatch(f"no batch {event.batch_id} was approved here")
    run(
        connection,
        "INSERT INTO certificate (batch_id, version, body) VALUES (:id, :version, CAST(:body AS jsonb)) ON CONFLICT DO NOTHING",
        id=event.batch_id,
        version=event.version,
        body=event.model_dump_json(),
    )
    if found.newest is None or found.newest < event.version:
        complete(connection, [event.batch_id], now)


def certified(connection: Connection) -> list[UUID]:
    """The batches that their newest certificate has not ended: a dead letter stood in the way."""
    return list(
        run(
            connection,
            f"""
        SELECT b.batch_id FROM batch b JOIN ({NEWEST_CERTIFICATE}) c USING (batch_id)
        WHERE c.version > b.ended_by_version ORDER BY 1""",  # noqa: S608
        ).scalars()
    )


def complete(connection: Connection, batch_ids: Sequence[UUID], now: datetime) -> None:
    """Bring certified batches to the end their newest certificate says, except those with a rejected message that nobody has redriven."""
    for batch_id in batch_ids:
        moved = run(
            connection,
            f"""
            UPDATE batch b SET status = c.outcome, ended_at = :now, ended_by_version = c.version FROM ({NEWEST_CERTIFICATE}) c
            WHERE b.batch_id = :id AND c.batch_id = b.batch_id
                AND NOT EXISTS (SELECT FROM dead_letter d WHERE d.correlation = CAST(b.batch_id AS text) AND d.redriven_at IS NULL)""",  # noqa: S608
            id=batch_id,
            now=now,
        ).rowcount
        if moved:
            publish(connection, batch_id, now)
        else:
            log.error("dead_letter_bars_completion", batch_id=str(batch_id))
