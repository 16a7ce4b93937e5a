"""What the gateway's signature of an approval proves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.contracts.events.batches import ApprovalAssertion
from libs.common.testing.call_keys import gateway_verifier, signed_approval
from libs.common.web.approval_assertions import (
    ApprovalNotProved,
    ClaimedApproval,
    names,
    verify_approval,
)
from libs.common.web.call_signatures import CallVerifier

BATCH = UUID("00000000-0000-4000-8000-000000000001")
AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
CLAIMED = ClaimedApproval(BATCH, "sha256:a", None, "anna", AT, frozenset({"paula"}))


def test_an_approval_is_proved_at_any_later_time() -> None:
    verify_approval(gateway_verifier(), signed_approval(BATCH, "sha256:a", AT, "anna"), CLAIMED)


def test_without_the_gateways_key_nothing_is_proved() -> None:
    assertion = signed_approval(BATCH, "sha256:a", AT, "anna")
    with pytest.raises(ApprovalNotProved, match="not known here"):
        verify_approval(CallVerifier({}), assertion, CLAIMED)


@pytest.mark.parametrize(
    "more",
    [
        "&digest=sha256%3Ab",
        "&include=1",
        "&also=1",
        "#x",
    ],
)
def test_every_character_of_the_target_is_signed(more: str) -> None:
    true = signed_approval(BATCH, "sha256:a", AT, "anna")
    changed = true.model_copy(update={"target": true.target + more})
    with pytest.raises(ApprovalNotProved, match="another call"):
        verify_approval(gateway_verifier(), changed, CLAIMED)


def test_a_signature_of_another_time_is_another_approval() -> None:
    for seconds in (-120, 120):
        assertion = signed_approval(BATCH, "sha256:a", AT + timedelta(seconds=seconds), "anna")
        with pytest.raises(ApprovalNotProved, match="another time"):
            verify_approval(gateway_verifier(), assertion, CLAIMED)


def test_a_target_names_one_batch_one_digest_and_one_number() -> None:
    assertion = signed_approval(BATCH, "sha256:a", AT, included=2, approved="sha256:i")

    def is_named(one: ApprovalAssertion, digest: str, included: int, approved: str) -> bool:
        return names(one, BATCH, digest, included, approved=approved)

    assert is_named(assertion, "sha256:a", 2, "sha256:i")
    assert not names(assertion, uuid4(), "sha256:a", 2, approved="sha256:i")
    assert not is_named(assertion, "sha256:b", 2, "sha256:i")
    assert not is_named(assertion, "sha256:a", 0, "sha256:i")
    assert not is_named(assertion, "sha256:a", 2, "sha256:j")
    assert not is_named(assertion, "sha256:a", 2, "")
    bare = assertion.model_copy(update={"target": f"/batches/{BATCH}/approve"})
    assert not is_named(bare, "sha256:a", 2, "sha256:i")
    for more in ("&include=2", "&approved=sha256%3Ai"):
        twice = assertion.model_copy(update={"target": assertion.target + more})
        assert not is_named(twice, "sha256:a", 2, "sha256:i")
    unnamed = signed_approval(BATCH, "sha256:a", AT, included=2)
    assert not is_named(unnamed, "sha256:a", 2, "")  # nobody knows what would be paid
    assert is_named(signed_approval(BATCH, "sha256:a", AT), "sha256:a", 0, "")


def test_included_rows_are_proved_by_the_digest_with_them() -> None:
    claimed = replace(CLAIMED, digest="sha256:i", seen_digest="sha256:a")
    older = replace(claimed, is_older=True)
    named = signed_approval(BATCH, "sha256:a", AT, "anna", 2, approved="sha256:i")
    other = signed_approval(BATCH, "sha256:a", AT, "anna", 2, approved="sha256:j")
    unnamed = signed_approval(BATCH, "sha256:a", AT, "anna", 2)
    for assertion, may_be in ((named, claimed), (named, older), (unnamed, older)):
        verify_approval(gateway_verifier(), assertion, may_be)
    for assertion, refused in ((other, claimed), (other, older), (unnamed, claimed)):
        with pytest.raises(ApprovalNotProved, match="other included rows"):
            verify_approval(gateway_verifier(), assertion, refused)
    without = signed_approval(BATCH, "sha256:a", AT, "anna", approved="sha256:i")
    with pytest.raises(ApprovalNotProved, match="other included rows"):
        verify_approval(gateway_verifier(), without, CLAIMED)


def test_a_time_of_many_digits_is_no_signature() -> None:
    true = signed_approval(BATCH, "sha256:a", AT, "anna")
    key_id, _, *rest = true.signature.split(":")
    forged = true.model_copy(update={"signature": ":".join((key_id, "9" * 5_000, *rest))})
    with pytest.raises(ApprovalNotProved, match="not signed"):
        verify_approval(gateway_verifier(), forged, CLAIMED)


@pytest.mark.parametrize(
    ("claimed", "why"),
    [
        ({"batch_id": uuid4()}, "this batch"),
        ({"digest": "sha256:b"}, "another digest"),
        ({"seen_digest": "sha256:a", "digest": "sha256:b"}, "another digest"),
        ({"seen_digest": "sha256:a"}, "another digest"),
        ({"approved_by": "adam"}, "another person"),
        ({"barred": frozenset({"anna"})}, "a hand"),
        ({"barred": frozenset({"p,q"})}, "a hand"),
    ],
)
def test_a_signature_proves_nothing_else(claimed: dict[str, Any], why: str) -> None:
    assertion = signed_approval(BATCH, "sha256:a", AT, "anna", counts_as="x,p%2Cq")
    with pytest.raises(ApprovalNotProved, match=why):
        verify_approval(gateway_verifier(), assertion, replace(CLAIMED, **claimed))


def test_only_an_approver_approves() -> None:
    assertion = signed_approval(BATCH, "sha256:a", AT, "anna", roles="admin,preparer")
    with pytest.raises(ApprovalNotProved, match="no approver"):
        verify_approval(gateway_verifier(), assertion, CLAIMED)
