"""Which breaks two people can acknowledge, and the correcting journals that this requires.

Only money at the provider that is more, or other, than our payments can be explained. What is
missing must arrive, and what our own books have wrong must be mended: an acknowledgement would
show as paid what is not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from libs.common.contracts.events.ledger import AcknowledgeAct, CorrectingJournal
from libs.common.contracts.events.provider import DecidedDuplicate
from services.ledger.domain.comparisons import Finding, OutsideMoney

OUTSIDE: Final = "outside:provider"
#: The acts by which the money has left its source account for good. `recovered` says that it came
#: back by another way, `explained` that none of ours moved.
LOSING_ACTS: Final = frozenset({"by-hand", "fee", "accepted"})
#: (kind, subject); any subject of `wrong_account`.
ACKNOWLEDGEABLE: Final = frozenset(
    {("orphan", ""), ("missing_here", ""), ("status", "unbound"), ("amount", "")}
)
IDS_SEPARATOR: Final = ", "


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What two people decided about a break as it was seen.

    `counts_after`: it counts for runs that began later, by the dispatcher's clock.
    """

    evidence: str
    break_id: UUID
    batch_id: UUID
    act: AcknowledgeAct
    reason: str
    amount_cents: int
    proposed_by: str
    confirmed_by: str
    confirmed_at: datetime
    decided_in: str
    counts_after: datetime
    journals: tuple[CorrectingJournal, ...] = ()


def is_acknowledgeable(kind: str, subject: str) -> bool:
    """Whether people can acknowledge such a break here."""
    return kind == "wrong_account" or (kind, subject) in ACKNOWLEDGEABLE


def why_not(kind: str) -> str:
    """What to do about a break that cannot be acknowledged, as a sentence."""
    if kind == "duplicate":
        return "Decide about the payment that was there twice; the decision ends this break."
    if kind in ("waiting", "incomplete", "dead_letter"):
        return "Something is missing. It closes by itself once that has arrived."
    return "Nothing outside of our payments explains it: the payment or the books must be mended."


def correcting_journals(
    break_id: UUID,
    evidence: str,
    account: str,
    act: str,
    outside: Iterable[OutsideMoney],
    before: Sequence[CorrectingJournal],
) -> list[CorrectingJournal]:
    """The journals after which the corrections of each provider payment come to its money.

    A second call, with those of the first one in `before`, returns none. One provider payment may
    be a break in several batches, each with its own name of the source account. All corrections of
    it are of the account of the first one, so that a reversal goes back to where the money left.

    Args:
        account: the source account that the money left, as this break's batch names it.
        before: the corrections so far, oldest first.
    """
    journals = []
    for money in outside:
        earlier = [one for one in before if one.provider_payment_id == money.provider_payment_id]
        wanted = money.amount_cents if act in LOSING_ACTS else 0
        cents = wanted - sum(outside_cents(one) for one in earlier)
        if cents:
            source = source_account(earlier[0]) if earlier else account
            accounts = (source, OUTSIDE) if cents > 0 else (OUTSIDE, source)
            journals.append(
                CorrectingJournal(
                    journal_id=_correction_id(break_id, evidence, money),
                    provider_payment_id=money.provider_payment_id,
                    from_account=accounts[0],
                    to_account=accounts[1],
                    amount_cents=abs(cents),
                )
            )
    return journals


def outside_cents(journal: CorrectingJournal) -> int:
    """The cents that a correction moved outside of our payments, negative if it took them back."""
    return journal.amount_cents if journal.to_account == OUTSIDE else -journal.amount_cents


def source_account(journal: CorrectingJournal) -> str:
    """The source account of a correction: the side that is not outside."""
    return journal.from_account if journal.to_account == OUTSIDE else journal.to_account


def decided_duplicates(
    batch_id: UUID,
    findings: Iterable[Finding],
    decisions: Sequence[DecidedDuplicate],
    before: Sequence[CorrectingJournal],
) -> list[Acknowledgement]:
    """The acknowledgements that the dispatcher's decisions about duplicates make.

    A decision covers a payment while all that is alive of it was known then, and unless it says
    that the second one had ended: then nothing is alive twice any more. A second call, with what
    the first one made in `before`, returns the same.

    Args:
        before: the corrections so far of the provider payments in the findings, oldest first.
    """
    found = []
    for finding in findings:
        if (finding.kind, finding.subject) != ("duplicate", ""):
            continue
        alive = set(finding.found.split(IDS_SEPARATOR))
        covering = [
            decision
            for decision in decisions
            if str(decision.payment_id) == finding.payment_id
            and decision.act != "ended"
            and alive <= set(decision.provider_payment_ids)
        ]
        if covering:
            found.append(_of_decision(batch_id, finding, covering[-1], before))
    return found


def _of_decision(
    batch_id: UUID,
    finding: Finding,
    decision: DecidedDuplicate,
    before: Sequence[CorrectingJournal],
) -> Acknowledgement:
    assert decision.act != "ended"
    break_id = finding.break_id(batch_id)
    return Acknowledgement(
        evidence=finding.evidence,
        break_id=break_id,
        batch_id=batch_id,
        act=decision.act,
        reason=decision.reason or decision.act,
        amount_cents=finding.amount_cents,
        proposed_by=decision.proposed_by,
        confirmed_by=decision.decided_by,
        confirmed_at=decision.decided_at,
        decided_in="dispatcher",
        counts_after=decision.decided_at,
        journals=tuple(_decided_journals(break_id, finding, decision.act, before)),
    )


def _decided_journals(
    break_id: UUID, finding: Finding, act: str, before: Sequence[CorrectingJournal]
) -> list[CorrectingJournal]:
    """One journal for each second payment, whatever else is found of it later.

    What an earlier run has written stays as it is: a rebuild finds later corrections there too.
    """
    journals = []
    for money in finding.outside:
        journal_id = _correction_id(break_id, "decided", money)
        written = [one for one in before if one.journal_id == journal_id]
        journals += written or correcting_journals(
            break_id, "decided", finding.account, act, [money], before
        )
    return journals


def _correction_id(break_id: UUID, evidence: str, money: OutsideMoney) -> UUID:
    return uuid5(break_id, f"correct-{evidence}-{money.provider_payment_id}")
