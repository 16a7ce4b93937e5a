"""Seven protocols that look right and are not; the simulation alone must see them."""

from devtools.mutants.checks import DISPATCHER, KEYS_ALONE, NETWORK, PAYMENTS, PROTOCOL
from devtools.mutants.runner import Mutant

WRONG_PROTOCOLS = (
    Mutant(
        "a new key for each try",
        PAYMENTS,
        "payment_call(row, row.attempts, row.idempotency_key, row.body, row.unanswered)",
        "payment_call(row, row.attempts, attempts.attempt_key(row.payment_id, -1), row.body, 0)",
        NETWORK,
    ),
    Mutant(
        "no key on the wire",
        f"{DISPATCHER}/provider/client.py",
        'headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}',
        "headers: dict[str, str] = {}",
        NETWORK,
    ),
    Mutant(
        "a new key on 500",
        PROTOCOL,
        """        case Verdict.UNKNOWN:
            return Next("in_doubt", Step.LOOK_UP, timing.grace_s)""",
        """        case Verdict.UNKNOWN:
            return Next("unprocessed", attempt="absent")""",
        NETWORK,
    ),
    Mutant(
        "the key is dropped on 503",
        PAYMENTS,
        "payment_call(row, row.attempts, row.idempotency_key, row.body, row.unanswered)",
        """payment_call(
            row,
            row.attempts,
            "" if row.reason_code == "idempotency_unavailable" else row.idempotency_key,
            row.body,
            row.unanswered,
        )""",
        NETWORK,
    ),
    Mutant(
        "500 means failed",
        PROTOCOL,
        "    if status == 404:\n",
        "    if status == 500:\n        return Verdict.REFUSED\n    if status == 404:\n",
        NETWORK,
    ),
    Mutant(
        "the same key for ever",
        PROTOCOL,
        "resend_until_s: float = 72_000.0",
        "resend_until_s: float = 1e9",
        KEYS_ALONE,
    ),
    Mutant(
        "a look-up without grace",
        PROTOCOL,
        "grace_s: float = 1_800.0",
        "grace_s: float = 60.0",
        NETWORK,
    ),
)
