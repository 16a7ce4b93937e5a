"""The reason codes and sentences that people see beside a payment's status."""

from typing import Final

from services.dispatcher.domain.protocol import Verdict

#: What an answer means for a person, where the provider gave no sentence of its own.
VERDICT_SENTENCES: Final[dict[Verdict, str]] = {
    Verdict.NO_ANSWER: "No answer came; the same request with the same key will tell.",
    Verdict.UNKNOWN: (
        "The provider's answer leaves open whether the payment exists; its list will be searched."
    ),
    Verdict.MISMATCH: (
        "The provider accepted something, but not what was sent; its list will be searched."
    ),
    Verdict.RATE_LIMITED: (
        "The provider's rate limit was reached; the same request is sent again later."
    ),
    Verdict.TRY_LATER: (
        "The provider could not take the request at the moment; the same request is sent again."
    ),
    Verdict.KEY_REFUSED: (
        "The provider refuses our key; nothing is sent until a person has looked."
    ),
    Verdict.SOURCE_REFUSED: "The provider will not debit this source account.",
    Verdict.REFUSED: "The provider refused the payment.",
}
#: (code, sentence) of verdicts whose own words are always used.
VERDICT_REASONS: Final[dict[Verdict, tuple[str, str]]] = {
    Verdict.NOT_FOUND: ("provider_not_found", "The provider does not know one of the two accounts.")
}
#: (code, sentence) of a person, loan or account that the provider did not make in several attempts.
NEVER_MADE: Final[tuple[str, str]] = (
    "not_created",
    (
        "The provider was asked several times, and its list shows that it never made this; what "
        "needs it is not paid."
    ),
)
#: (code, sentence) of what a look-up found, by the status that follows or the finding.
LOOKUP_REASONS: Final[dict[str, tuple[str, str]]] = {
    "in_doubt": (
        "in_doubt",
        "Whether the provider has this payment is not known yet; its list is being searched.",
    ),
    "held": (
        "held_absent",
        "The provider's list did not show any of the attempts; a person must decide.",
    ),
    "exhausted": (
        "held_refused_often",
        "This payment was tried as often as is allowed, and refused; a person must decide.",
    ),
    "ended_there": (
        "in_doubt",
        (
            "The provider's payment has ended there; its list is searched for an earlier attempt "
            "before this payment is called failed."
        ),
    ),
    "other_money": (
        "held_other_money",
        "The provider has this payment with other money or other accounts; a person must decide.",
    ),
    "other_payment": (
        "held_other_payment",
        (
            "It does not exist at the provider, or is of other money, other accounts or another "
            "payment; a person must decide."
        ),
    ),
    "unprocessed": (
        "absent",
        (
            "The provider's list showed three times in a row that the attempt did not happen; "
            "it is sent again under a new key."
        ),
    ),
    "cancelled": (
        "cancelled",
        "The batch was cancelled, and the provider's list shows that this payment was never made.",
    ),
}
