import pytest

from libs.common.contracts.two_person import NotAllowed, next_step


def test_the_first_person_proposes_and_another_approver_confirms() -> None:
    assert next_step("ann", None, is_approver=False) == "propose"
    assert next_step("ben", "ann", is_approver=True) == "confirm"


def test_the_same_person_again_changes_nothing() -> None:
    assert next_step("ann", "ann", is_approver=True) == "wait"


def test_who_is_no_approver_or_had_a_hand_in_it_confirms_nothing() -> None:
    with pytest.raises(NotAllowed, match="ann has proposed this"):
        next_step("ben", "ann", is_approver=False)
    with pytest.raises(NotAllowed, match="had no hand in it"):
        next_step("ben", "ann", is_approver=True, ineligible={"ben"})


def test_who_made_a_token_for_the_other_is_not_another_person() -> None:
    with pytest.raises(NotAllowed, match="API token"):
        next_step("ben", "ann", is_approver=True, counts_as={"ann"})
    with pytest.raises(NotAllowed, match="by an API token"):
        next_step("ben", "ann", is_approver=True, ineligible={"cem"}, counts_as={"cem"})
