"""Making people and accounts at the provider: the same attempts and class table as payments, kept for ever and used again."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid5

from sqlalchemy import Connection, Engine, Row

from libs.common.crypto.field_encryption import FieldCipher
from libs.common.database.engine import run
from services.dispatcher.domain.protocol import (
    Answer,
    Found,
    Next,
    Timing,
    Verdict,
    after_call,
    after_lookup,
    classify,
)
from services.dispatcher.provider import rate_limiter
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.provider.reader import Reader, since
from services.dispatcher.sending.payments import WORDS, record_answers
from services.dispatcher.sending.worker import Call, canonical
from services.dispatcher.store import payments

VERIFY: dict[str, dict[str, Any]] = {
    "verify-phone": {
        "type": "phone",
        "method": "byo_sms",
        "byo_sms": {"timestamp": "2026-01-01T00:00:00.000Z"},
    },
    "verify-identity": {"type": "identity", "method": "kba", "kba": {}},
}
THEN = {"verify-phone": "verify-identity"}


class ObjectWork:
    """Objects that do not exist yet, holders before their accounts; and open attempts whose answer is not known yet."""

    name = "objects"

    def __init__(self, timing: Timing, sealer: FieldCipher, version: str, last_date: Any) -> None:
        self.timing, self.sealer, self.version, self.last_date = timing, sealer, version, last_date

    def claim(self, connection: Connection, limit: int) -> Sequence[Call]:
        """Up to `limit` calls whose intents are written. No batch gate: preparing moves no money; the kill switch counts."""
        if payments.halted(connection):
            return []
        # The due ones are chosen first and the rest is looked up for each: fresh tables have no statistics, and joined at once they were read whole.
        rows = list(
            run(
                connection,
                """
            WITH due AS MATERIALIZED (
                SELECT w.* FROM object w
                WHERE w.status IN ('unprocessed', 'sending', 'in_doubt') AND w.due_at <= now()
                  AND (w.status = 'unprocessed' OR (w.step = 'resend' AND w.lease_until <= now()))
                  AND (w.holder_id IS NULL OR (SELECT h.status FROM object h WHERE h.object_id = w.holder_id) = 'pending')
                ORDER BY w.due_at LIMIT :limit FOR UPDATE OF w SKIP LOCKED)
            SELECT o.*, h.provider_id AS holder_provider_id, a.idempotency_key, a.path AS attempt_path, a.body AS attempt_body,
                   a.first_sent_at < now() - make_interval(secs => :until_s) AS too_old,
                   r.first_name, r.last_name, r.dob, r.phone, r.loan, s.ein, s.payor_name, s.dba, s.address, s.routing, s.account
            FROM due o LEFT JOIN object h ON h.object_id = o.holder_id
            LEFT JOIN batch_row r ON r.row_id = o.row_id
            LEFT JOIN source s ON s.batch_id = o.batch_id AND s.source_account_id = o.source_account_id
            LEFT JOIN attempt a ON a.subject_id = o.object_id AND a.n = o.attempts AND a.outcome = 'open'""",
                limit=limit,
                until_s=self.timing.resend_until_s,
            )
        )
        self._too_old(connection, [row for row in rows if row.too_old])
        usable = [row for row in rows if not row.too_old]
        allowed: list[Row[Any]] = []
        for tier in (rate_limiter.ENTITIES, rate_limiter.ACCOUNTS, rate_limiter.OTHER):
            of_tier = [row for row in usable if rate_limiter.tier_of("POST", path_of(row)) == tier]
            allowed += of_tier[: rate_limiter.take(connection, tier, len(of_tier))]
        calls = [self._call(row) for row in allowed]
        self._write_intents(connection, allowed, calls)
        return calls

    def _too_old(self, connection: Connection, rows: Sequence[Row[Any]]) -> None:
        """The provider may have forgotten these keys: only its lists can tell now."""
        if rows:
            run(
                connection,
                "UPDATE object SET status = 'in_doubt', step = 'lookup', looks = 0 WHERE object_id = ANY(CAST(:ids AS uuid[]))",
                ids=[str(row.object_id) for row in rows],
            )

    def _call(self, row: Row[Any]) -> Call:
        if row.status != "unprocessed":
            body = self.sealer.open(row.attempt_body, "attempt", f"{row.object_id}/{row.attempts}")
            return Call(
                row.object_id,
                row.attempts,
                row.fence + 1,
                row.attempt_path,
                row.idempotency_key,
                body,
                *expectation(row, row.attempts),
            )
        n = row.attempts + 1
        return Call(
            row.object_id,
            n,
            row.fence + 1,
            path_of(row),
            uuid5(row.object_id, str(n)),
            canonical(self.body(row, n)),
            *expectation(row, n),
        )

    def body(self, row: Row[Any], n: int) -> dict[str, Any]:
        """The request of attempt n, with the personal values opened for this one moment."""
        if row.purpose in VERIFY:
            return VERIFY[row.purpose]
        sealed_of = str(row.row_id)
        made: dict[str, Any] = {"metadata": metadata(row, n)}
        match row.kind:
            case "corporation":
                made |= {
                    "type": "corporation",
                    "corporation": {
                        "name": row.payor_name,
                        "dba": row.dba,
                        "ein": row.ein,
                        "owners": [],
                    },
                    "address": {
                        "line2": None,
                        **{k: row.address.get(k) for k in ("line1", "city", "state", "zip")},
                    },
                }
            case "individual":
                made |= {
                    "type": "individual",
                    "individual": {
                        name: self.sealer.open(getattr(row, name), name, sealed_of)
                        for name in ("first_name", "last_name", "phone", "dob")
                    },
                }
            case "ach":
                number = self.sealer.open(
                    row.account, "account", f"{row.batch_id}/{row.source_account_id}"
                )
                made |= {
                    "holder_id": row.holder_provider_id,
                    "ach": {"routing": row.routing, "number": number, "type": "checking"},
                }
            case _:
                field = "number" if self.version < "2024" else "account_number"
                made |= {
                    "holder_id": row.holder_provider_id,
                    "liability": {
                        "mch_id": row.merchant_id,
                        field: self.sealer.open(row.loan, "loan", sealed_of),
                    },
                }
        return made

    def _write_intents(
        self, connection: Connection, rows: Sequence[Row[Any]], calls: Sequence[Call]
    ) -> None:
        if not calls:
            return
        fresh = [
            (row, call)
            for row, call in zip(rows, calls, strict=True)
            if row.status == "unprocessed"
        ]
        again = [call for row, call in zip(rows, calls, strict=True) if row.status != "unprocessed"]
        sealed = [self.sealer.seal(c.body, "attempt", f"{c.subject_id}/{c.n}") for _, c in fresh]
        run(
            connection,
            """
            INSERT INTO attempt (subject_id, n, kind, purpose, idempotency_key, path, body, body_sha256, provider_date)
            SELECT s, n, kind, purpose, k, p, b, h, :date FROM unnest(CAST(:subjects AS uuid[]), CAST(:ns AS int[]), CAST(:kinds AS text[]),
                   CAST(:purposes AS text[]), CAST(:keys AS uuid[]), CAST(:paths AS text[]), CAST(:bodies AS text[]), CAST(:hashes AS text[]))
                   AS x(s, n, kind, purpose, k, p, b, h)""",
            subjects=[str(c.subject_id) for _, c in fresh],
            ns=[c.n for _, c in fresh],
            kinds=[r.kind for r, _ in fresh],
            purposes=[r.purpose for r, _ in fresh],
            keys=[str(c.idempotency_key) for _, c in fresh],
            paths=[c.path for _, c in fresh],
            bodies=sealed,
            hashes=[hashlib.sha256(text.encode()).hexdigest() for text in sealed],
            date=self.last_date(),
        )
        run(
            connection,
            """
            UPDATE attempt a SET last_sent_at = now(), sends = sends + 1 FROM unnest(CAST(:ids AS uuid[]), CAST(:ns AS int[])) AS x(id, n)
            WHERE a.subject_id = x.id AND a.n = x.n""",
            ids=[str(c.subject_id) for c in again],
            ns=[c.n for c in again],
        )
        run(
            connection,
            """
            UPDATE object o SET status = 'sending', step = 'resend', attempts = x.n, fence = x.fence, looks = 0,
                   lease_until = now() + make_interval(secs => :lease_s), due_at = now() + make_interval(secs => :wait_s)
            FROM unnest(CAST(:ids AS uuid[]), CAST(:ns AS int[]), CAST(:fences AS bigint[])) AS x(id, n, fence) WHERE o.object_id = x.id""",
            ids=[str(c.subject_id) for c in calls],
            ns=[c.n for c in calls],
            fences=[c.fence for c in calls],
            lease_s=self.timing.timeout_s + 2,
            wait_s=self.timing.timeout_s + 2 + self.timing.resend_after_s,
        )

    def settle(self, connection: Connection, answers: Sequence[tuple[Call, Answer]]) -> None:
        """Record what came back; an answer of a lapsed lease is dropped."""
        rows = {
            row.object_id: row
            for row in run(
                connection,
                """
            SELECT * FROM object WHERE object_id = ANY(CAST(:ids AS uuid[])) ORDER BY object_id FOR UPDATE""",
                ids=[str(call.subject_id) for call, _ in answers],
            )
        }
        outcomes: list[tuple[Call, Answer, Next]] = []
        ends: list[Ended] = []
        for call, answer in answers:
            row = rows[call.subject_id]
            if row.fence != call.fence:
                continue
            verdict = classify(answer, call.expected, call.prefix)
            following = after_call(verdict, answer, self.timing)
            outcomes.append((call, answer, following))
            ends.append(ended(row, answer, verdict, following))
            if verdict is Verdict.RATE_LIMITED:
                rate_limiter.close(
                    connection, rate_limiter.tier_of("POST", call.path), following.wait_s
                )
            if following.stop_all:
                payments.engage_kill_switch(
                    connection,
                    True,
                    "dispatcher",
                    f"The provider refuses our key ({answer.status} {answer.sub_type}).",
                )
        record_answers(connection, outcomes)
        write(connection, ends)


Ended = dict[str, Any]


def path_of(row: Row[Any]) -> str:
    """Where the next call about an object goes."""
    if row.purpose in VERIFY:
        return f"/entities/{row.provider_id}/verification_sessions"
    return "/entities" if row.kind in ("corporation", "individual") else "/accounts"


def metadata(row: Row[Any], n: int) -> dict[str, str]:
    """What the provider keeps beside the object: our id and attempt, and whom it stands for."""
    made = {"object_id": str(row.object_id), "attempt": str(n)}
    if row.kind == "individual":
        made |= {"employee_id": row.employee_id, "person_index": row.person_index}
    return made


def expectation(row: Row[Any], n: int) -> tuple[str, dict[str, Any]]:
    """(prefix of the id, fields that must come back) of an accepted answer."""
    if row.purpose in VERIFY:
        return "evf_", {}
    return ("ent_" if row.kind in ("corporation", "individual") else "acc_"), {
        "metadata": metadata(row, n)
    }


def ended(row: Row[Any], answer: Answer, verdict: Verdict, following: Next) -> Ended:
    """The object's next state. `pending` is ready; a person who is incomplete is verified first; nothing is ever *held* money."""
    data = answer.data or {}
    made: Ended = {
        "id": str(row.object_id),
        "status": following.status,
        "step": following.step.value,
        "wait_s": following.wait_s,
        "provider_id": row.provider_id,
        "purpose": row.purpose,
        "code": answer.sub_type.lower(),
        "reason": answer.message or WORDS.get(verdict, ""),
    }
    if verdict is Verdict.NOT_FOUND:
        made |= {"status": "failed", "code": answer.sub_type.lower() or "provider_not_found"}
    if verdict is not Verdict.ACCEPTED:
        return made
    return made | {"code": "", "reason": ""} | ready_or_next(row, data)


def ready_or_next(row: Row[Any], data: dict[str, Any] | Any) -> Ended:
    """What follows an object that exists at the provider, by the status it has there."""
    if row.purpose in VERIFY:
        following = THEN.get(row.purpose)
        return (
            {"status": "unprocessed", "purpose": following} if following else {"status": "pending"}
        )
    status = str(data.get("status", ""))
    if status == "incomplete" and row.kind == "individual":
        return {"status": "unprocessed", "purpose": "verify-phone", "provider_id": data["id"]}
    if status in ("disabled", "closed"):
        error = data.get("error") or {}
        return {
            "status": "inactive",
            "provider_id": data["id"],
            "code": str(error.get("sub_type", "inactive")).lower(),
            "reason": str(error.get("message") or "The provider has disabled it."),
        }
    return {"status": "pending", "provider_id": data["id"]}


def look_up(engine: Engine, reader: Reader, timing: Timing) -> bool:
    """Search the provider for objects whose creation is in doubt; an object is adopted only by our id and attempt in its metadata."""
    with engine.begin() as connection:
        rows = list(
            run(
                connection,
                """
            SELECT o.*, h.provider_id AS holder_provider_id, f.provider_date FROM object o LEFT JOIN object h ON h.object_id = o.holder_id
            JOIN attempt f ON f.subject_id = o.object_id AND f.n = 1
            WHERE o.status = 'in_doubt' AND o.step = 'lookup' AND o.due_at <= now() AND o.lease_until <= now()
            ORDER BY o.due_at LIMIT 20 FOR UPDATE OF o SKIP LOCKED""",
            )
        )
        run(
            connection,
            "UPDATE object SET lease_until = now() + interval '60 seconds', fence = fence + 1 WHERE object_id = ANY(CAST(:ids AS uuid[]))",
            ids=[str(row.object_id) for row in rows],
        )
    for row in rows:
        try:
            found, complete = find(reader, row)
        except Unreachable:
            found, complete = None, False
        looks = 0 if found is None and not complete else row.looks + 1
        following = after_lookup(
            Found(str(found["id"]), True) if found else None,
            max(looks, 1),
            row.attempts,
            False,
            False,
            timing,
        )
        with engine.begin() as connection:
            mine = run(
                connection,
                "SELECT 1 FROM object WHERE object_id = :id AND fence = :fence FOR UPDATE",
                id=row.object_id,
                fence=row.fence + 1,
            ).first()
            if mine is None:
                continue
            run(
                connection,
                "UPDATE attempt SET outcome = :outcome WHERE subject_id = :id AND n = :n AND outcome = 'open'",
                outcome=following.attempt,
                id=row.object_id,
                n=row.attempts,
            )
            made: Ended = {
                "id": str(row.object_id),
                "status": following.status,
                "step": following.step.value,
                "wait_s": following.wait_s,
                "provider_id": row.provider_id,
                "purpose": row.purpose,
                "code": "",
                "reason": WORDS[Verdict.UNKNOWN],
            }
            write(connection, [made | ready_or_next(row, found) if found else made])
            run(
                connection,
                "UPDATE object SET looks = :looks WHERE object_id = :id",
                looks=looks if following.status == "in_doubt" else 0,
                id=row.object_id,
            )
    return bool(rows)


def find(reader: Reader, row: Row[Any]) -> tuple[dict[str, Any] | None, bool]:
    """(the object at the provider or None, whether the walk was complete)."""
    if row.purpose in VERIFY:
        entity = reader.get(f"/entities/{row.provider_id}")
        return (entity if entity.get("status") == "active" else None), True
    if row.kind in ("corporation", "individual"):
        lines, complete = reader.all("/entities", {"type": row.kind, **since(row.provider_date)})
    else:
        lines, complete = reader.all("/accounts", {"holder_id": row.holder_provider_id})
    wanted = metadata(row, row.attempts)
    return next((line for line in lines if line.get("metadata") == wanted), None), complete


def wake(connection: Connection, ids: Sequence[str]) -> None:
    """These objects are ready at the provider: their own accounts can be made now, and payments to them can be sent."""
    run(
        connection,
        """UPDATE object SET due_at = now()
                       WHERE holder_id = ANY(CAST(:ids AS uuid[])) AND status = 'unprocessed' AND due_at = 'infinity'""",
        ids=list(ids),
    )
    run(
        connection,
        "UPDATE payment SET ready = true WHERE destination_object = ANY(CAST(:ids AS uuid[])) AND status = 'unprocessed'",
        ids=list(ids),
    )


def write(connection: Connection, ends: Sequence[Ended]) -> None:
    """Write the objects' next states."""
    if not ends:
        return
    run(
        connection,
        """
        UPDATE object o SET status = x.status, step = x.step, due_at = now() + make_interval(secs => x.wait_s), provider_id = x.provider_id,
               purpose = x.purpose, reason_code = x.code, reason = x.reason, lease_until = '-infinity'
        FROM jsonb_to_recordset(CAST(:ends AS jsonb)) AS x(id uuid, status text, step text, wait_s float8, provider_id text, purpose text,
             code text, reason text) WHERE o.object_id = x.id""",
        ends=json.dumps(ends),
    )
    wake(connection, [end["id"] for end in ends if end["status"] == "pending"])
