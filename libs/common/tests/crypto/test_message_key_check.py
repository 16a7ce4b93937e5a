"""A process with a wrong key of messages is refused in one sentence, before it does anything."""

import pytest

from libs.common.crypto.message_key_check import why_cannot_publish, why_cannot_verify
from libs.common.crypto.message_signatures import Signer
from libs.common.tests.crypto.test_message_signatures import KEYS, key, verifier

SIGNER = Signer.parse(KEYS["webhooks"])


@pytest.mark.parametrize("accept_unsigned", [False, True])
def test_a_reader_needs_a_key_of_every_service_that_it_reads(*, accept_unsigned: bool) -> None:
    by = verifier(accept_unsigned=accept_unsigned)
    assert why_cannot_verify("reports", by, {"webhooks", "ledger"}) == ""
    sentence = why_cannot_verify("reports", by, {"webhooks", "ingest", "dispatcher"})
    assert sentence.startswith("PAYDOWN_REPORTS_PUBLIC_KEYS has no key of dispatcher, ingest.")


@pytest.mark.parametrize("accept_unsigned", [False, True])
@pytest.mark.parametrize(
    ("public", "sentence"),
    [
        (KEYS, ""),
        ({"webhooks": f"webhooks-1:{key(9)}"}, "PAYDOWN_WEBHOOKS_PUBLIC_KEYS has no key that"),
        ({"webhooks": f"webhooks-2:{key(1)}"}, "PAYDOWN_WEBHOOKS_PUBLIC_KEYS has no key that"),
        ({"ledger": f"webhooks-1:{key(1)}"}, "PAYDOWN_WEBHOOKS_PUBLIC_KEYS has no key that"),
        ({"webhooks": f"webhooks-2:{key(9)},{KEYS['webhooks']}"}, ""),
    ],
)
def test_what_signs_must_be_verified_by_the_own_public_keys(
    public: dict[str, str], sentence: str, *, accept_unsigned: bool
) -> None:
    found = why_cannot_publish(
        "webhooks", SIGNER, verifier(public, accept_unsigned=accept_unsigned)
    )
    assert found.startswith(sentence)
    assert bool(found) == bool(sentence)
    assert key(1) not in found


def test_who_publishes_needs_a_key_that_signs_and_others_do_not() -> None:
    assert "SIGNING_KEYS is not set" in why_cannot_publish("webhooks", None, verifier())
    assert why_cannot_publish("reports", None, verifier()) == ""
