"""The decisions that the explorer asks for: the dispatcher's own functions, and seven wrong ones.

This is the one file of the explorer that touches production code.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from services.dispatcher.domain import duplicates, protocol, provider_walk
from services.dispatcher.domain.gate import Gate
from services.dispatcher.domain.protocol import DID_NOT_RUN, Answer, Next, Timing, Verdict

BATCH, PAYMENT_ID = UUID(int=1), UUID(int=2)
PAYMENT = str(PAYMENT_ID)
EXPECTED = {"amount": 100}


@dataclass(frozen=True)
class Decisions:
    """What decides about a payment.

    `key_of` (attempt, how often it was sent before) names the idempotency key. `wire_key` (key,
    status of the last answer) is what goes out as its header.
    """

    timing: Timing = field(default_factory=Timing)
    classify: Callable[[Answer, Mapping[str, Any], str], Verdict] = protocol.classify
    after_call: Callable[[Verdict, Answer, Timing, int], Next] = protocol.after_call
    key_of: Callable[[int, int], str] = lambda n, _sends: f"key {n}"
    wire_key: Callable[[str, int], str] = lambda key, _status: key
    walks_expire: bool = True

    def after_answer(self, answer: Answer, unanswered: int) -> tuple[Next, bool]:
        """(what follows an answer to a payment, whether it says that this send did not run).

        `unanswered`: earlier sends of the attempt of which it is not known whether they ran.
        """
        verdict = self.classify(answer, EXPECTED, "pmt_")
        following = self.after_call(verdict, answer, self.timing, unanswered)
        return following, verdict in DID_NOT_RUN

    @staticmethod
    def may_send(*, cancelled: bool, walked: bool, quarantined: bool) -> bool:
        """Whether the gate lets the payment through."""
        gate = Gate(
            kill_switch=False,
            quarantined=quarantined,
            clock_known=True,
            batch_states={BATCH: "cancelled" if cancelled else "paying"},
            walked={BATCH} if walked else (),
            stopped_accounts=(),
        )
        return gate.refusal(BATCH, "account") is None

    @staticmethod
    def shows_unknown(lines: list[dict[str, Any]], attempts: int) -> bool:
        """Whether a walk shows an attempt of ours that the database does not know."""
        return any(one.attempt > attempts for one in provider_walk.find_ours(lines))

    def after_walk(
        self, lines: list[dict[str, Any]], ours: tuple[int, int, str, int, bool]
    ) -> tuple[str, Next]:
        """(the id of the payment that was found or "", what follows) of a complete walk.

        `ours`: attempts, look-ups in a row with this one, bound id, last http status, cancelled.
        """
        attempts, lookups, bound, http, cancelled = ours
        line = duplicates.choose_payment(lines, PAYMENT, attempts, bound)
        found = None if line is None else protocol.Found(str(line["id"]), equal=True)
        following = protocol.after_lookup(
            found, lookups, attempts, http == 200, cancelled, self.timing
        )
        return ("" if found is None else found.provider_id), following


def provider_line(number: int, attempt: int) -> dict[str, Any]:
    """A live payment in the provider's list."""
    return {
        "id": f"pmt_{number}",
        "status": "pending",
        "metadata": {"batch_id": str(BATCH), "payment_id": PAYMENT, "attempt": str(attempt)},
        **EXPECTED,
    }


def _new_key_on_500(verdict: Verdict, answer: Answer, timing: Timing, unanswered: int) -> Next:
    if answer.status == 500:
        return Next("unprocessed", attempt="absent")
    return protocol.after_call(verdict, answer, timing, unanswered)


def _500_is_failed(answer: Answer, expected: Mapping[str, Any], prefix: str) -> Verdict:
    return Verdict.REFUSED if answer.status == 500 else protocol.classify(answer, expected, prefix)


RIGHT = Decisions()
#: The seven protocols that look right and are not, by what they do.
WRONG: dict[str, Decisions] = {
    "a new key for each try": replace(RIGHT, key_of=lambda n, sends: f"key {n}.{sends + 1}"),
    "no key on the wire": replace(RIGHT, wire_key=lambda _key, _status: ""),
    "a new key on 500": replace(RIGHT, after_call=_new_key_on_500),
    "the key is dropped on 503": replace(
        RIGHT, wire_key=lambda key, status: "" if status == 503 else key
    ),
    "500 means failed": replace(RIGHT, classify=_500_is_failed),
    # A walk every half a day would find what the forgotten key cannot prevent.
    "the same key for ever": replace(RIGHT, timing=Timing(resend_until_s=1e12), walks_expire=False),
    "a look-up without grace": replace(RIGHT, timing=Timing(grace_s=0.0)),
}


class _NeverWalks(Decisions):
    """Sends after a restore without having asked the provider."""

    @staticmethod
    def may_send(*, cancelled: bool, walked: bool, quarantined: bool) -> bool:
        return RIGHT.may_send(cancelled=cancelled, walked=True, quarantined=quarantined)


#: What is wrong only where everything here comes back from a snapshot.
NEVER_WALKS = _NeverWalks()
