"""When a person must have signed in lately: before acts that move much money.

The shape follows OpenID Connect: `auth_time` says when the identity provider last asked the person
to prove who they are, `acr` how strongly.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StepUpPolicy:
    """From which amount a recent sign-in is needed.

    `max_age_s`: how long ago it may be; 0 switches the rule off. `acr`: one of these must be the
    strength of the sign-in; empty: any.
    """

    over_cents: int
    max_age_s: int
    acr: tuple[str, ...] = ()

    def covers(self, amount_cents: int | None) -> bool:
        """Whether an act needs a recent sign-in. None: its amount is not known, or has no bound."""
        return self.max_age_s > 0 and (amount_cents is None or amount_cents > self.over_cents)


@dataclass(frozen=True)
class SignInProof:
    """How a session began. `age_s`: seconds since `auth_time`; None if the provider named none."""

    age_s: float | None
    acr: str = ""


def is_recent(proof: SignInProof, policy: StepUpPolicy) -> bool:
    """Whether a sign-in is as recent and as strong as the policy demands."""
    is_new = proof.age_s is not None and proof.age_s <= policy.max_age_s
    return is_new and (not policy.acr or proof.acr in policy.acr)


def amount_at_stake(batch: dict[str, Any], digest: str, *, includes: bool) -> int | None:
    """What an approval of `digest` may pay, in cents, from ingest's answer about the batch.

    Args:
        includes: the approval also takes in excluded rows. Then it is the whole roster's amount,
            which is the most that they can add.

    Returns:
        None if the batch is not the one that was seen: which amount is approved is not known.
    """
    if batch.get("status") != "ready" or batch.get("digest") != digest:
        return None
    return int(batch["amount_cents"]["total" if includes else "payable"])


def why_sign_in_anew(policy: StepUpPolicy) -> str:
    """The rule, as a sentence for people."""
    minutes = -(-policy.max_age_s // 60)
    dollars = f"${policy.over_cents // 100:,}.{policy.over_cents % 100:02d}"
    return (
        f"Paying more than {dollars}, and every act without such a bound, needs a sign-in of the "
        f"last {minutes} min. Nothing was done."
    )
