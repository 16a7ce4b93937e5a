"""The two-person rule: one person proposes an act; another, an approver, confirms the same act."""

from collections.abc import Collection
from typing import Literal

from libs.common.contracts.errors import PaydownError

Step = Literal["propose", "wait", "confirm"]


class NotAllowed(PaydownError):
    """This person may not confirm the act. Nothing was changed."""

    code = "auth.same-person"


def next_step(
    person: str,
    proposed_by: str | None,
    *,
    is_approver: bool,
    ineligible: Collection[str] = (),
    counts_as: Collection[str] = (),
) -> Step:
    """Decide what a person's order means. The caller locks the proposal and carries the step out.

    Args:
        person: who orders it.
        proposed_by: who proposed the very same act; None if nobody did, or it was another act.
        is_approver: whether the person holds the role of approver.
        ineligible: people who had a hand in what is decided (uploader, corrector, child-maker).
        counts_as: people whose acts may have been this person's, by an API token. Their proposal
            is none of another person.

    Returns:
        `propose`: write the proposal. `wait`: the same person asked again, nothing changes.
        `confirm`: carry the act out.

    Raises:
        NotAllowed: another person must confirm it.
    """
    if proposed_by is None:
        return "propose"
    if proposed_by == person:
        return "wait"
    if not is_approver:
        raise NotAllowed(
            f"{proposed_by} has proposed this. Another person, an approver, must confirm it."
        )
    if proposed_by in counts_as:
        raise NotAllowed(
            f"{proposed_by} has proposed this, and one of you made an API token for the other: "
            "you count as one person. Another approver must confirm it."
        )
    if not {person, *counts_as}.isdisjoint(ineligible):
        raise NotAllowed(
            "You, or a person you count as by an API token, uploaded, corrected or derived this "
            "batch. An approver who had no hand in it must confirm this."
        )
    return "confirm"
