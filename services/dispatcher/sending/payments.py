"""Sending payments: gate and intent in one transaction, one frozen body per key, and what each answer does to the payment."""

import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid5

from sqlalchemy import Connection, Row

from libs.common.database.engine import run
from libs.common.observability.logs import log
from services.dispatcher.domain.protocol import (
    SOURCE_HOLDER_ERROR,
    Answer,
    Next,
    Timing,
    Verdict,
    after_call,
    classify,
    is_outage,
)
from services.dispatcher.domain.statuses import our_status
from services.dispatcher.handlers import Evidence
from services.dispatcher.provider import rate_limiter
from services.dispatcher.provider.client import shown
from services.dispatcher.sending.worker import Call, canonical
from services.dispatcher.store import payments
from services.dispatcher.store.payments import Change

DESCRIPTION = "Loan"  # the provider allows ten characters
SILENCE_MAX = 8  # answers missing in a row: the provider is away, and one call at a time asks whether it is back
FROZEN = ("amount", "source", "destination", "metadata")
REASONS = {
    Verdict.NOT_FOUND: ("provider_not_found", "The provider does not know one of the two accounts.")
}


class PaymentWork:
    """Payments of batches that may pay: new ones, and open attempts whose answer is not known yet (same key, same body)."""

    name = "payments"

    def __init__(self, timing: Timing, last_date: Any) -> None:
        self.timing, self.last_date = timing, last_date
        self.silences = 0
        self.tried_at = 0.0

    def claim(self, connection: Connection, limit: int) -> Sequence[Call]:
        """Up to `limit` calls whose intents are written: first re-sends that are due, then new payments."""
        if self.silences >= SILENCE_MAX:
            if time.monotonic() < self.tried_at + self.timing.later_s:
                return []
            limit = 1
        paying = payments.gate(connection)
        if not paying:
            return []
        again = self._due_again(connection, [str(b) for b in paying], limit)
        fresh = self._unsent(connection, [str(b) for b in paying], limit - len(again))
        room = rate_limiter.take(connection, rate_limiter.PAYMENTS, len(again) + len(fresh))
        again, fresh = again[:room], fresh[: max(0, room - len(again))]
        self.tried_at = time.monotonic() if room else self.tried_at
        return [*self._resend(connection, again), *self._intend(connection, fresh)]

    def _unsent(self, connection: Connection, paying: list[str], limit: int) -> list[Row[Any]]:
        """New payments whose accounts exist and are exactly the approved row's; nothing else can be sent."""
        if limit <= 0:
            return []
        # Batch by batch in the order of an index, the accounts looked up for each: joined at once, tables without statistics were read whole.
        return list(
            run(
                connection,
                """
            SELECT p.* FROM unnest(CAST(:paying AS uuid[])) AS b(batch_id) CROSS JOIN LATERAL (
                SELECT q.*, x.source, x.destination FROM payment q CROSS JOIN LATERAL (
                    SELECT s.provider_id AS source, d.provider_id AS destination FROM batch a
                    JOIN object s ON s.object_id = q.source_object AND s.kind = 'ach' AND s.status = 'pending' AND s.number_index = q.account_index
                    JOIN object d ON d.object_id = q.destination_object AND d.kind = 'liability' AND d.status = 'pending'
                         AND d.number_index = q.loan_index AND d.merchant_id = q.merchant_id
                    JOIN object h ON h.object_id = d.holder_id AND h.employee_id = q.employee_id AND h.person_index = q.person_index
                    WHERE a.batch_id = q.batch_id AND a.digest = q.digest OFFSET 0) x
                WHERE q.batch_id = b.batch_id AND q.status = 'unprocessed' AND q.ready AND q.due_at <= now()
                  AND q.account_index NOT IN (SELECT account_index FROM source_stop)
                ORDER BY q.payment_id LIMIT :limit FOR UPDATE OF q SKIP LOCKED) p
            LIMIT :limit""",
                paying=paying,
                limit=limit,
            )
        )

    def _due_again(self, connection: Connection, paying: list[str], limit: int) -> list[Row[Any]]:
        return list(
            run(
                connection,
                """
            SELECT p.*, a.idempotency_key, a.path, a.body FROM payment p JOIN attempt a ON a.subject_id = p.payment_id AND a.n = p.attempts
            WHERE p.status IN ('sending', 'in_doubt') AND p.step = 'resend' AND p.due_at <= now() AND p.lease_until <= now()
              AND a.outcome = 'open' AND a.first_sent_at > now() - make_interval(secs => :until_s)
              AND p.batch_id = ANY(CAST(:paying AS uuid[])) AND p.account_index NOT IN (SELECT account_index FROM source_stop)
            ORDER BY p.due_at LIMIT :limit FOR UPDATE OF p SKIP LOCKED""",
                paying=paying,
                limit=limit,
                until_s=self.timing.resend_until_s,
            )
        )

    def _intend(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[Call]:
        calls, changes = [], []
        for row in rows:
            n = row.attempts + 1
            body = canonical(
                {
                    "amount": row.amount_cents,
                    "source": row.source,
                    "destination": row.destination,
                    "description": DESCRIPTION,
                    "metadata": {
                        "batch_id": str(row.batch_id),
                        "payment_id": str(row.payment_id),
                        "attempt": str(n),
                    },
                }
            )
            calls.append(self._call(row, n, uuid5(row.payment_id, str(n)), body))
            changes.append(
                Change(
                    row,
                    "sending",
                    Evidence("intent", f"{row.payment_id}/{n}"),
                    step="resend",
                    attempts=n,
                    fence=row.fence + 1,
                    lease_s=self.timing.timeout_s + 2,
                    wait_s=self.timing.timeout_s + 2 + self.timing.resend_after_s,
                )
            )
        if calls:
            run(
                connection,
                """
                INSERT INTO attempt (subject_id, n, kind, purpose, idempotency_key, path, body, body_sha256, provider_date)
                SELECT s, n, 'payment', 'pay', k, '/payments', b, h, :date FROM unnest(CAST(:subjects AS uuid[]), CAST(:ns AS int[]),
                       CAST(:keys AS uuid[]), CAST(:bodies AS text[]), CAST(:hashes AS text[])) AS x(s, n, k, b, h)""",
                subjects=[str(c.subject_id) for c in calls],
                ns=[c.n for c in calls],
                keys=[str(c.idempotency_key) for c in calls],
                bodies=[c.body for c in calls],
                hashes=[hashlib.sha256(c.body.encode()).hexdigest() for c in calls],
                date=self.last_date(),
            )
            payments.apply(connection, changes)
        return calls

    def _resend(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[Call]:
        if rows:
            run(
                connection,
                """
                UPDATE attempt a SET last_sent_at = now(), sends = sends + 1 FROM unnest(CAST(:ids AS uuid[]), CAST(:ns AS int[])) AS x(id, n)
                WHERE a.subject_id = x.id AND a.n = x.n""",
                ids=[str(r.payment_id) for r in rows],
                ns=[r.attempts for r in rows],
            )
            payments.apply(
                connection,
                [
                    Change(
                        row,
                        row.status,
                        Evidence("intent", f"{row.payment_id}/{row.attempts}"),
                        step="resend",
                        fence=row.fence + 1,
                        silent=True,
                        lease_s=self.timing.timeout_s + 2,
                        wait_s=self.timing.timeout_s + 2 + self.timing.resend_after_s,
                        reason_code=row.reason_code,
                        reason=row.reason,
                    )
                    for row in rows
                ],
            )
        return [
            self._call(row, row.attempts, row.idempotency_key, row.body, fence=row.fence + 1)
            for row in rows
        ]

    def _call(self, row: Row[Any], n: int, key: Any, body: str, fence: int | None = None) -> Call:
        frozen = json.loads(body)
        expected = {name: frozen[name] for name in FROZEN}
        return Call(
            row.payment_id,
            n,
            row.fence + 1 if fence is None else fence,
            "/payments",
            key,
            body,
            "pmt_",
            expected,
            str(row.batch_id),
        )

    def settle(self, connection: Connection, answers: Sequence[tuple[Call, Answer]]) -> None:
        """Record what came back; an answer whose lease was taken over is dropped (the newer owner gets the same stored answer)."""
        for _, answer in answers:
            self.silences = self.silences + 1 if is_outage(answer) else 0
        rows = {
            row.payment_id: row
            for row in run(
                connection,
                """
            SELECT * FROM payment WHERE payment_id = ANY(CAST(:ids AS uuid[])) ORDER BY payment_id FOR UPDATE""",
                ids=[str(call.subject_id) for call, _ in answers],
            )
        }
        mine = [
            (call, answer, rows[call.subject_id])
            for call, answer in answers
            if rows[call.subject_id].fence == call.fence
        ]
        outcomes = []
        changes = []
        for call, answer, row in mine:
            verdict = classify(answer, call.expected, call.prefix)
            following = after_call(verdict, answer, self.timing)
            outcomes.append((call, answer, following))
            changes.append(self._change(row, call, answer, verdict, following))
            self._alarm(connection, row, answer, verdict, following)
        record_answers(connection, outcomes)
        payments.apply(connection, changes)
        hurry_hinted(connection, [c.provider_id for c in changes if c.provider_id])

    def _change(
        self, row: Row[Any], call: Call, answer: Answer, verdict: Verdict, following: Next
    ) -> Change:
        evidence = Evidence("response", answer.request_id or f"{call.subject_id}/{call.n}")
        if verdict is Verdict.ACCEPTED:
            data = answer.data or {}
            now = shown(data)
            return Change(
                row,
                our_status(row.status, now.status),
                evidence,
                provider_id=str(data["id"]),
                provider_status=now.status,
                provider_created_at=now.created_at,
                reason_code=now.reason_code,
                reason=now.reason,
                poll_s=self.timing.poll_s,
            )
        code, reason = REASONS.get(
            verdict,
            (answer.sub_type.lower() or verdict.value, answer.message or WORDS.get(verdict, "")),
        )
        return Change(
            row,
            following.status,
            evidence,
            step=following.step.value,
            wait_s=following.wait_s,
            reason_code=code,
            reason=reason,
            silent=following.status == row.status,
        )

    def _alarm(
        self,
        connection: Connection,
        row: Row[Any],
        answer: Answer,
        verdict: Verdict,
        following: Next,
    ) -> None:
        if verdict is Verdict.RATE_LIMITED:
            rate_limiter.close(connection, rate_limiter.PAYMENTS, following.wait_s)
        if following.stop_source:
            log.error(
                "source_stopped",
                batch_id=str(row.batch_id),
                payment_id=str(row.payment_id),
                code=answer.sub_type or verdict.value,
            )
            payments.stop_source(
                connection,
                row.account_index,
                answer.sub_type.lower() or verdict.value,
                answer.message or WORDS[verdict],
                holder_too=answer.sub_type.startswith(SOURCE_HOLDER_ERROR),
            )
        if following.stop_all:
            log.error("provider_locks_us_out", code=answer.sub_type, status=answer.status)
            payments.engage_kill_switch(
                connection,
                True,
                "dispatcher",
                f"The provider refuses our key ({answer.status} {answer.sub_type}).",
            )


WORDS = {
    Verdict.NO_ANSWER: "No answer came; the same request with the same key will tell.",
    Verdict.UNKNOWN: "The provider's answer leaves open whether the payment exists; its list will be searched.",
    Verdict.MISMATCH: "The provider said yes, but not to what was sent; its list will be searched.",
    Verdict.RATE_LIMITED: "The provider's rate limit was reached; the same request goes out again later.",
    Verdict.TRY_LATER: "The provider could not take the request at the moment; the same request goes out again.",
    Verdict.KEY_REFUSED: "The provider refuses our key; nothing is sent until a person has looked.",
    Verdict.SOURCE_REFUSED: "The provider will not debit this source account.",
    Verdict.REFUSED: "The provider refused the payment.",
}


def record_answers(connection: Connection, outcomes: Sequence[tuple[Call, Answer, Next]]) -> None:
    """Write the answers beside their intents; what was accepted stays accepted."""
    if not outcomes:
        return
    run(
        connection,
        """
        UPDATE attempt a SET outcome = CASE WHEN a.outcome = 'accepted' THEN a.outcome ELSE x.outcome END, http_status = x.status, code = x.code,
               message = x.message, request_id = x.request_id
        FROM unnest(CAST(:ids AS uuid[]), CAST(:ns AS int[]), CAST(:outcomes AS text[]), CAST(:statuses AS int[]), CAST(:codes AS text[]),
                    CAST(:messages AS text[]), CAST(:requests AS text[])) AS x(id, n, outcome, status, code, message, request_id)
        WHERE a.subject_id = x.id AND a.n = x.n""",
        ids=[str(c.subject_id) for c, _, _ in outcomes],
        ns=[c.n for c, _, _ in outcomes],
        outcomes=[n.attempt for _, _, n in outcomes],
        statuses=[a.status for _, a, _ in outcomes],
        codes=[a.sub_type for _, a, _ in outcomes],
        messages=[a.message[:500] for _, a, _ in outcomes],
        requests=[a.request_id for _, a, _ in outcomes],
    )


def hurry_hinted(connection: Connection, provider_ids: Sequence[str]) -> None:
    """A webhook may be quicker than the answer: what it said of these ids is looked at now."""
    if provider_ids:
        run(
            connection,
            """
            WITH early AS (DELETE FROM hint WHERE provider_id = ANY(CAST(:ids AS text[])) RETURNING provider_id, provider_event)
            UPDATE payment p SET poll_due_at = now(), hint = early.provider_event FROM early WHERE p.provider_id = early.provider_id""",
            ids=list(provider_ids),
        )
