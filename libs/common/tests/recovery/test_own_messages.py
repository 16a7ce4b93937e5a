"""Which records are a service's own, and which are in doubt."""

from libs.common.recovery.own_messages import OwnMessages
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
