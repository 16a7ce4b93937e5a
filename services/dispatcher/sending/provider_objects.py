"""Creating people, corporations and accounts at the provider, by the same protocol as payments.

A provider object is created once and used again in every pay period.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row

from libs.common.crypto.field_encryption import FieldCipher, place_of
from services.dispatcher.domain.claims import Claim, may_record
from services.dispatcher.domain.clocks import Moment, may_be_forgotten
from services.dispatcher.domain.protocol import (
    DID_NOT_RUN,
    Answer,
    Next,
    Timing,
    Verdict,
    after_call,
    classify,
)
from services.dispatcher.domain.reasons import VERDICT_SENTENCES
from services.dispatcher.provider import rate_limiter
from services.dispatcher.provider.clocks import Clocks
from services.dispatcher.provider.object_status import ENTITIES, change_by_status
from services.dispatcher.sending.payments import stop_everything, with_evidence
from services.dispatcher.sending.worker import Call, canonical
from services.dispatcher.store import attempts, kill_switch, provider_objects
from services.dispatcher.store.attempts import Intent, Outcome
from services.dispatcher.store.provider_objects import ObjectChange

#: The bodies of the verifications that a person needs before accounts can be created.
VERIFICATIONS: dict[str, dict[str, Any]] = {
    "verify-phone": {
        "type": "phone",
        "method": "byo_sms",
        "byo_sms": {"timestamp": "2026-01-01T00:00:00.000Z"},
    },
    "verify-identity": {"type": "identity", "method": "kba", "kba": {}},
}
PERSONAL = ("individual", "liability")
NEXT_VERIFICATION = {"verify-phone": "verify-identity"}


class ProviderObjectSender:
    """Objects that do not exist yet, holders before their accounts.

    New ones, and open attempts whose answer is not known yet (same key, same body).
    """

    name = "objects"

    def __init__(
        self,
        timing: Timing,
        cipher: FieldCipher,
        version: str,
        clocks: Clocks,
    ) -> None:
        self.timing, self.cipher, self.version, self.clocks = timing, cipher, version, clocks

    # --- intents -------------------------------------------------------------------------------

    def lease_calls(self, connection: Connection, limit: int) -> Sequence[Call]:
        """Lease up to `limit` calls.

        There is no gate by batch, because creating objects moves no money. The kill switch counts.
        """
        if kill_switch.is_halted(connection):
            return []
        now = self.clocks.now()
        # While the provider's clock is not known, the age of a key is not known either.
        due = provider_objects.lock_due(connection, limit, resends=now.provider is not None)
        old = {row.object_id for row in due if self._may_be_forgotten(row, now)}
        provider_objects.mark_for_lookup(connection, old)
        rows = self._with_permits(connection, [row for row in due if row.object_id not in old])
        calls = [self._call(row) for row in rows]
        if calls:
            self._write_intents(connection, rows, calls, now)
        return calls

    def _may_be_forgotten(self, row: Row[Any], now: Moment) -> bool:
        """Whether the provider may have forgotten the key of an attempt that was sent before."""
        if row.status == "unprocessed":
            return False
        since = self.clocks.keys.first_seen((row.object_id, row.attempts), now)
        return may_be_forgotten(row.provider_date, since, now, self.timing.resend_until_s)

    def _with_permits(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
        allowed: list[Row[Any]] = []
        for tier in (rate_limiter.ENTITIES, rate_limiter.ACCOUNTS, rate_limiter.OTHER):
            of_tier = [row for row in rows if rate_limiter.tier_of("POST", path_of(row)) == tier]
            allowed += of_tier[: rate_limiter.take(connection, tier, len(of_tier))]
        return allowed

    def _call(self, row: Row[Any]) -> Call:
        if row.status == "unprocessed":
            n = row.attempts + 1
            key, path = attempts.attempt_key(row.object_id, n), path_of(row)
            body = canonical(self.body(row, n))
        else:
            n = row.attempts
            key, path = row.idempotency_key, row.attempt_path
            body = self.cipher.decrypt(row.attempt_body, "attempt", f"{row.object_id}/{n}")
        unanswered = 0 if row.status == "unprocessed" else row.unanswered
        return Call(
            row.object_id,
            n,
            row.fence + 1,
            path,
            key,
            body,
            *expectation(row, n),
            unanswered_sends=unanswered,
        )

    def body(self, row: Row[Any], n: int) -> dict[str, Any]:
        """Return the request of attempt n, with the personal values decrypted."""
        if row.purpose in VERIFICATIONS:
            return VERIFICATIONS[row.purpose]
        parts: dict[str, Callable[[Row[Any]], dict[str, Any]]] = {
            "corporation": corporation_body,
            "individual": self._individual_body,
            "ach": self._ach_body,
            "liability": self._liability_body,
        }
        return {"metadata": metadata(row, n)} | parts[row.kind](row)

    def _individual_body(self, row: Row[Any]) -> dict[str, Any]:
        fields = ("first_name", "last_name", "phone", "dob")
        values = {
            name: self.cipher.decrypt(getattr(row, name), name, str(row.row_id)) for name in fields
        }
        return {"type": "individual", "individual": values}

    def _ach_body(self, row: Row[Any]) -> dict[str, Any]:
        number = self.cipher.decrypt(
            row.account, "account", f"{row.batch_id}/{row.source_account_id}"
        )
        return {
            "holder_id": row.holder_provider_id,
            "ach": {"routing": row.routing, "number": number, "type": "checking"},
        }

    def _liability_body(self, row: Row[Any]) -> dict[str, Any]:
        field = "number" if self.version < "2024" else "account_number"
        number = self.cipher.decrypt(row.loan, "loan", str(row.row_id))
        return {
            "holder_id": row.holder_provider_id,
            "liability": {"mch_id": row.merchant_id, field: number},
        }

    def _write_intents(
        self, connection: Connection, rows: Sequence[Row[Any]], calls: Sequence[Call], now: Moment
    ) -> None:
        pairs = list(zip(rows, calls, strict=True))
        for row, call in pairs:
            is_new = row.status == "unprocessed"
            self.clocks.keys.first_seen((call.subject_id, call.n), now)
            sends = 1 if is_new else row.sends + 1
            self.clocks.sends.first_seen((call.subject_id, call.n, sends), now)
        intents = [
            Intent(
                call.subject_id,
                call.n,
                row.kind,
                row.purpose,
                call.path,
                self.cipher.encrypt(
                    call.body, "attempt", f"{call.subject_id}/{call.n}", _place(row)
                ),
            )
            for row, call in pairs
            if row.status == "unprocessed"
        ]
        attempts.insert_intents(
            connection, intents, None if now.provider is None else now.provider.earliest
        )
        again = [(call.subject_id, call.n) for row, call in pairs if row.status != "unprocessed"]
        attempts.mark_sent_again(connection, again)
        leases = [(call.subject_id, call.n, call.fence) for call in calls]
        provider_objects.mark_sending(connection, leases, self.timing)

    # --- answers -------------------------------------------------------------------------------

    def record_answers(
        self, connection: Connection, answers: Sequence[tuple[Call, Answer]]
    ) -> None:
        """Record answers; one under a lapsed lease, or recorded before, is dropped."""
        rows = provider_objects.lock_objects(connection, [call.subject_id for call, _ in answers])
        outcomes: list[Outcome] = []
        changes: list[ObjectChange] = []
        refusing_key, closed_s = list[Answer](), dict[str, float]()
        for call, answer in answers:
            row = rows[call.subject_id]
            if not may_record(Claim(row.status, row.attempts, row.fence), call.n, call.fence):
                continue
            verdict = classify(answer, call.expected, call.prefix)
            following = after_call(verdict, answer, self.timing, call.unanswered_sends)
            outcomes.append(
                Outcome(
                    call.subject_id,
                    call.n,
                    following.attempt,
                    with_evidence(answer, verdict),
                    verdict in DID_NOT_RUN,
                )
            )
            changes.append(change_after_answer(row, answer, verdict, following))
            if following.stop_all:
                refusing_key.append(answer)
            if verdict is Verdict.RATE_LIMITED:
                tier = rate_limiter.tier_of("POST", call.path)
                closed_s[tier] = max(closed_s.get(tier, 0.0), following.wait_s)
        # The kill switch before the limiter, as leases lock them.
        for answer in refusing_key[:1]:
            stop_everything(connection, answer)
        for tier, seconds in sorted(closed_s.items()):
            rate_limiter.close(connection, tier, seconds)
        attempts.record_answers(connection, outcomes)
        provider_objects.write_changes(connection, changes)


def corporation_body(row: Row[Any]) -> dict[str, Any]:
    """Return the request for a payor, with its address as corrected."""
    address = {name: row.address.get(name) for name in ("line1", "city", "state", "zip")}
    return {
        "type": "corporation",
        "corporation": {
            "name": row.payor_name,
            "dba": row.dba,
            "ein": row.ein,
            "owners": [],
        },
        "address": {"line2": None, **address},
    }


def _place(row: Row[Any]) -> str:
    """The place of the person whose values are in a request; empty if there are none in it."""
    return place_of(row.first_name or row.loan or "") if row.kind in PERSONAL else ""


def path_of(row: Row[Any]) -> str:
    """Return where the next call about an object goes."""
    if row.purpose in VERIFICATIONS:
        return f"/entities/{row.provider_id}/verification_sessions"
    return "/entities" if row.kind in ENTITIES else "/accounts"


def metadata(row: Row[Any], n: int) -> dict[str, str]:
    """Return what the provider keeps beside the object: our id and attempt, and the person."""
    ids = {"object_id": str(row.object_id), "attempt": str(n)}
    if row.kind == "individual":
        ids |= {"employee_id": row.employee_id, "person_index": row.person_index}
    return ids


def expectation(row: Row[Any], n: int) -> tuple[str, dict[str, Any]]:
    """Return (prefix of the id, fields that must come back) of an accepted answer."""
    if row.purpose in VERIFICATIONS:
        return "evf_", {}
    prefix = "ent_" if row.kind in ENTITIES else "acc_"
    return prefix, {"metadata": metadata(row, n)}


def change_after_answer(
    row: Row[Any], answer: Answer, verdict: Verdict, following: Next
) -> ObjectChange:
    """Return what an object becomes by an answer. A 404 fails it: it is never held."""
    if verdict is Verdict.ACCEPTED:
        return change_to_existing(row, answer.data or {})
    code = answer.sub_type.lower()
    change = change_without_object(
        row, following, code, answer.message or VERDICT_SENTENCES.get(verdict, "")
    )
    if verdict is Verdict.NOT_FOUND and following.attempt == "refused":
        return replace(change, status="failed", reason_code=code or "provider_not_found")
    return change


def change_without_object(
    row: Row[Any], following: Next, reason_code: str, reason: str
) -> ObjectChange:
    """Return what an object becomes that is not known to exist at the provider."""
    return ObjectChange(
        row.object_id,
        following.status,
        row.purpose,
        row.provider_id,
        step=following.step.value,
        wait_s=following.wait_s,
        reason_code=reason_code,
        reason=reason,
    )


def change_to_existing(row: Row[Any], data: Mapping[str, Any], reason: str = "") -> ObjectChange:
    """Return what an object becomes that exists at the provider, by its status there.

    A person who is incomplete there is verified first: by phone, then by identity.
    """
    if row.purpose in VERIFICATIONS:
        purpose = NEXT_VERIFICATION.get(row.purpose)
        change = ObjectChange(row.object_id, "pending", row.purpose, row.provider_id, reason=reason)
        return replace(change, status="unprocessed", purpose=purpose) if purpose else change
    return change_by_status(row, data, reason)
