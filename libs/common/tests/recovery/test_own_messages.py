"""Which records are a service's own, which are in doubt, and which people called forged."""

import pytest

from libs.common.recovery.own_messages import ForgedMessages, OwnMessages
from libs.common.tests.crypto.test_message_signatures import sign, verifier
from libs.common.tests.factories import messages

NAMED = messages(1)[0]._replace(producer="webhooks", partition=3, offset=17)


def test_a_message_that_names_the_service_is_its_own_only_if_it_signed_it() -> None:
    own = OwnMessages("webhooks", verifier().verify)
    (signed,) = sign([NAMED])
    assert (own.is_named(signed), own.is_verified(signed)) == (True, True)
    assert (own.is_named(NAMED), own.is_verified(NAMED)) == (True, False)
    assert not own.is_named(signed._replace(producer="ledger"))
    assert not own.is_named(signed._replace(event_id="x"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", True),
        ("provider-events/3/17", False),
        (" batches/0/1, provider-events/3/10-20", False),
        ("provider-events/3/18-20", True),
        ("provider-events/2/17", True),
        ("batches/3/17", True),
    ],
)
def test_a_record_that_people_called_forged_is_passed_over(text: str, named: bool) -> None:
    assert OwnMessages("webhooks", None, ForgedMessages.parse(text)).is_named(NAMED) is named


@pytest.mark.parametrize("text", ["x", "batches/1", "batches/1/a", "/1/2", "batches/1/2-x"])
def test_what_is_no_list_of_records_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="topic/partition/offset"):
        ForgedMessages.parse(text)
