"""Sending payments: gate and intent in one transaction, and what each answer does to a payment."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row

from libs.common.observability.logs import log
from services.dispatcher.domain.claims import Claim, may_record
from services.dispatcher.domain.clocks import Moment, may_be_forgotten
from services.dispatcher.domain.gate import Gate
from services.dispatcher.domain.protocol import (
    DID_NOT_RUN,
    SOURCE_HOLDER_ERROR,
    Answer,
    Next,
    Timing,
    Verdict,
    after_call,
    classify,
    is_outage,
)
from services.dispatcher.domain.reasons import VERDICT_REASONS, VERDICT_SENTENCES
from services.dispatcher.domain.statuses import our_status
from services.dispatcher.handlers import Evidence
from services.dispatcher.provider import rate_limiter
from services.dispatcher.provider.client import parse_payment
from services.dispatcher.provider.clocks import Clocks
from services.dispatcher.sending.walked_batches import WalkedBatches
from services.dispatcher.sending.worker import Call, canonical
from services.dispatcher.store import (
    attempts,
    flags,
    kill_switch,
    payment_sending,
    source_stops,
)
from services.dispatcher.store.attempts import Intent, Outcome
from services.dispatcher.store.gate import lock_gate
from services.dispatcher.store.payment_changes import Change, apply_changes
from services.dispatcher.store.payments import lock_payments
from services.dispatcher.store.source_stops import SourceStop

DESCRIPTION = "Loan"  # the provider allows ten characters
OUTAGE_ANSWERS = 8  # so many in a row open the circuit breaker
FROZEN = ("amount", "source", "destination", "metadata")


class PaymentSender:
    """Payments of batches that may pay.

    New payments, and open attempts whose answer is not known yet (same key, same body).
    """

    name = "payments"

    def __init__(self, timing: Timing, clocks: Clocks, walked: WalkedBatches) -> None:
        self.timing, self.clocks, self.walked = timing, clocks, walked
        self.outage_answers = 0  # in a row
        self.tried_at = 0.0

    # --- intents -------------------------------------------------------------------------------

    def lease_calls(self, connection: Connection, limit: int) -> Sequence[Call]:
        """Lease up to `limit` calls: first re-sends that are due, then new payments."""
        limit = self._limit_by_breaker(limit)
        if not limit:
            return []
        now = self.clocks.now()
        gate = lock_gate(
            connection, self.walked.list_walked(now), clock_known=now.provider is not None
        )
        paying = gate.open_batches()
        if not paying:
            return []
        due = payment_sending.lock_due_resends(connection, paying, limit)
        again = [row for row in due if self._may_send(gate, row) and self._knows_key(row, now)]
        new = []
        if len(again) < limit:
            found = payment_sending.lock_sendable(connection, paying, limit - len(again))
            new = [row for row in found if self._may_send(gate, row)]
        room = rate_limiter.take(connection, rate_limiter.PAYMENTS, len(again) + len(new))
        again, new = again[:room], new[: max(0, room - len(again))]
        if room:
            self.tried_at = time.monotonic()
        return [*self._resend(connection, again, now), *self._intend(connection, new, now)]

    @staticmethod
    def _may_send(gate: Gate, row: Row[Any]) -> bool:
        return gate.refusal(row.batch_id, row.account_index) is None

    def _knows_key(self, row: Row[Any], now: Moment) -> bool:
        """Whether the provider surely still knows the key; else the sweeper takes the payment."""
        since = self.clocks.keys.first_seen((row.payment_id, row.attempts), now)
        return not may_be_forgotten(row.provider_date, since, now, self.timing.resend_until_s)

    def _limit_by_breaker(self, limit: int) -> int:
        """Return how many calls may be made: while the circuit breaker is open, one at a time."""
        if self.outage_answers < OUTAGE_ANSWERS:
            return limit
        return 1 if time.monotonic() >= self.tried_at + self.timing.later_s else 0

    def _intend(self, connection: Connection, rows: Sequence[Row[Any]], now: Moment) -> list[Call]:
        """Write the next attempt of each payment, with its frozen body."""
        calls = [self._new_call(row) for row in rows]
        for call in calls:
            self.clocks.keys.first_seen((call.subject_id, call.n), now)
            self.clocks.sends.first_seen((call.subject_id, call.n, 1), now)
        attempts.insert_intents(
            connection,
            [Intent(c.subject_id, c.n, "payment", "pay", c.path, c.body) for c in calls],
            None if now.provider is None else now.provider.earliest,
        )
        apply_changes(
            connection,
            [
                Change(
                    row,
                    "sending",
                    Evidence("intent", f"{row.payment_id}/{call.n}"),
                    step="resend",
                    attempts=call.n,
                    fence=call.fence,
                    lease_s=self.timing.lease_s,
                    wait_s=self.timing.lease_s + self.timing.resend_after_s,
                )
                for row, call in zip(rows, calls, strict=True)
            ],
        )
        return calls

    def _new_call(self, row: Row[Any]) -> Call:
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
        return payment_call(row, n, attempts.attempt_key(row.payment_id, n), body)

    def _resend(self, connection: Connection, rows: Sequence[Row[Any]], now: Moment) -> list[Call]:
        """Lease open attempts once more, as they were written."""
        for row in rows:
            self.clocks.sends.first_seen((row.payment_id, row.attempts, row.sends + 1), now)
        attempts.mark_sent_again(connection, [(row.payment_id, row.attempts) for row in rows])
        apply_changes(
            connection,
            [
                Change(
                    row,
                    row.status,
                    Evidence("intent", f"{row.payment_id}/{row.attempts}"),
                    step="resend",
                    fence=row.fence + 1,
                    lease_s=self.timing.lease_s,
                    wait_s=self.timing.lease_s + self.timing.resend_after_s,
                    reason_code=row.reason_code,
                    reason=row.reason,
                    publish=False,
                )
                for row in rows
            ],
        )
        return [
            payment_call(row, row.attempts, row.idempotency_key, row.body, row.unanswered)
            for row in rows
        ]

    # --- answers -------------------------------------------------------------------------------

    def record_answers(
        self, connection: Connection, answers: Sequence[tuple[Call, Answer]]
    ) -> None:
        """Record answers. One under a lapsed lease is dropped: the newer owner gets the same.

        So is one that was recorded before, whose commit was not confirmed.
        """
        rows = lock_payments(connection, [call.subject_id for call, _ in answers])
        outcomes, changes, judged = [], [], list[Judged]()
        for call, answer in answers:
            row = rows[call.subject_id]
            verdict = classify(answer, call.expected, call.prefix)
            if not may_record(Claim(row.status, row.attempts, row.fence), call.n, call.fence):
                keep_late_answer(connection, row, answer, verdict)
                continue
            following = after_call(verdict, answer, self.timing, call.unanswered_sends)
            kept = with_evidence(answer, verdict)
            outcomes.append(
                Outcome(call.subject_id, call.n, following.attempt, kept, verdict in DID_NOT_RUN)
            )
            changes.append(self._change(row, call, answer, verdict, following))
            judged.append(Judged(row, answer, verdict, following))
            if verdict is Verdict.MISMATCH:
                flags.insert_flag(connection, row.payment_id, "mismatch", describe(answer))
        stop_what_must_stop(connection, judged)
        attempts.record_answers(connection, outcomes)
        apply_changes(connection, changes)
        # Last: after a lock that could not be had, the same answers come again.
        for _, answer in answers:
            self.outage_answers = self.outage_answers + 1 if is_outage(answer) else 0

    def _change(
        self, row: Row[Any], call: Call, answer: Answer, verdict: Verdict, following: Next
    ) -> Change:
        evidence = Evidence("response", answer.request_id or f"{call.subject_id}/{call.n}")
        if verdict is Verdict.ACCEPTED:
            return self._accepted(row, answer, evidence)
        code, reason = VERDICT_REASONS.get(
            verdict,
            (
                answer.sub_type.lower() or verdict.value,
                answer.message or VERDICT_SENTENCES.get(verdict, ""),
            ),
        )
        return Change(
            row,
            following.status,
            evidence,
            step=following.step.value,
            wait_s=following.wait_s,
            reason_code=code,
            reason=reason,
            publish=following.status != row.status,
        )

    def _accepted(self, row: Row[Any], answer: Answer, evidence: Evidence) -> Change:
        data = answer.data or {}
        payment = parse_payment(data)
        return Change(
            row,
            our_status(row.status, payment.status),
            evidence,
            provider_id=str(data["id"]),
            provider_status=payment.status,
            provider_created_at=payment.created_at,
            reason_code=payment.reason_code,
            reason=payment.reason,
            poll_s=self.timing.poll_s,
        )


@dataclass(frozen=True)
class Judged:
    """An answer to a payment's call, and what follows it."""

    row: Row[Any]
    answer: Answer
    verdict: Verdict
    following: Next


def stop_what_must_stop(connection: Connection, judged: Sequence[Judged]) -> None:
    """Engage the kill switch, stop sources, and close the tier, as the answers demand.

    In the order in which the gate locks: kill switch, batches, limiter. In another one, this
    transaction and a gate could each wait for the other.
    """
    for one in [one for one in judged if one.following.stop_all][:1]:
        log.error("provider_refuses_key", code=one.answer.sub_type, status=one.answer.status)
        stop_everything(connection, one.answer)
    source_stops.stop_sources(
        connection, [source_stop(one) for one in judged if one.following.stop_source]
    )
    closed_s = [one.following.wait_s for one in judged if one.verdict is Verdict.RATE_LIMITED]
    if closed_s:
        rate_limiter.close(connection, rate_limiter.PAYMENTS, max(closed_s))


def source_stop(judged: Judged) -> SourceStop:
    """Return how the source account of a payment stops, and log it."""
    row, answer, code = judged.row, judged.answer, judged.answer.sub_type or judged.verdict.value
    ids = {"batch_id": str(row.batch_id), "payment_id": str(row.payment_id)}
    log.error("source_stopped", code=code, **ids)
    return SourceStop(
        row.account_index,
        code.lower(),
        answer.message or VERDICT_SENTENCES[judged.verdict],
        whole_holder=answer.sub_type.startswith(SOURCE_HOLDER_ERROR),
    )


def payment_call(row: Row[Any], n: int, key: Any, body: str, unanswered_sends: int = 0) -> Call:
    """Return the call of one attempt; its answer must show what was frozen in the body."""
    frozen = json.loads(body)
    return Call(
        row.payment_id,
        n,
        row.fence + 1,
        "/payments",
        key,
        body,
        "pmt_",
        {name: frozen[name] for name in FROZEN},
        str(row.batch_id),
        unanswered_sends,
    )


def describe(answer: Answer) -> str:
    """Return what a 200 showed that is not what was sent: people need it to find the payment."""
    data = answer.data or {}
    shown = {name: data.get(name) for name in ("id", "status", *FROZEN)}
    return f"request {answer.request_id or 'without an id'}: {json.dumps(shown, default=str)}"


def with_evidence(answer: Answer, verdict: Verdict) -> Answer:
    """Return an answer as its attempt keeps it: a 200 that is not what was sent says what it is."""
    return replace(answer, message=describe(answer)) if verdict is Verdict.MISMATCH else answer


def keep_late_answer(
    connection: Connection, row: Row[Any], answer: Answer, verdict: Verdict
) -> None:
    """Flag what a late answer showed of a provider payment that the payment is not bound to.

    The answer changes nothing any more, but who decides about the payment must see it.
    """
    shown = str((answer.data or {}).get("id") or "")
    if verdict in (Verdict.ACCEPTED, Verdict.MISMATCH) and shown != (row.provider_id or ""):
        flags.insert_flag(connection, row.payment_id, "late_answer", describe(answer))


def stop_everything(connection: Connection, answer: Answer) -> None:
    """Engage the kill switch because the provider refuses our key."""
    reason = f"The provider refuses our key ({answer.status} {answer.sub_type})."
    kill_switch.engage(connection, True, "dispatcher", reason)
