"""Who signed a message: its topic's owner, and nobody else, on this message and no other."""

import base64
from collections.abc import Callable

import pytest

from libs.common.contracts.errors import Reject
from libs.common.contracts.message import Message
from libs.common.crypto.message_signatures import CODES, Signer, Verifier, public_keys
from libs.common.tests.factories import messages


def key(number: int) -> str:
    return base64.b64encode(bytes([number]) * 32).decode()


KEYS = {"webhooks": f"webhooks-1:{key(1)}", "ledger": f"ledger-1:{key(2)}"}


def sign(batch: list[Message], keys: str = KEYS["webhooks"]) -> list[Message]:
    headers = Signer.parse(keys).sign([m._replace(partition=m.offset % 3) for m in batch])
    return [m._replace(signature=s) for m, s in zip(batch, headers, strict=True)]


def verifier(keys: dict[str, str] = KEYS, *, accept_unsigned: bool = False) -> Verifier:
    return Verifier.parse(public_keys(keys), accept_unsigned=accept_unsigned)


def code(message: Message, by: Verifier | None = None) -> str:
    """Why a message is refused; "" if it is not. Alone and among others the answer is the same."""
    by = by or verifier()
    (found,) = by.refusals([message])
    assert ("" if found is None else found.code) == alone(message, by)
    return "" if found is None else found.code


def alone(message: Message, by: Verifier) -> str:
    try:
        by.verify(message)
    except Reject as reason:
        return reason.code if reason.code in CODES else f"unknown: {reason.code}"
    return ""


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 97, 1_000, 3_200])
def test_each_message_of_a_turn_can_be_verified_alone_and_with_the_others(count: int) -> None:
    signed, together = sign(messages(count)), verifier()
    assert [code(m, together) for m in signed] == [""] * count
    assert {code(m) for m in signed[:: count // 7 + 1]} == {""}


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m._replace(body=m.body.replace(b"evt_1", b"evt_9")),
        lambda m: m._replace(key="pmt_2"),
        lambda m: m._replace(type="payment-approved.v1"),
        lambda m: m._replace(topic="status-events"),
        lambda m: m._replace(topic="ledger-postings"),
        lambda m: m._replace(topic="unknown"),
        lambda m: m._replace(signature=m.signature[:-1]),
        lambda m: m._replace(signature=m.signature[:-16]),
        lambda m: m._replace(signature=m.signature + b"0" * 16),
        lambda m: m._replace(event_id=messages(9)[8].event_id),
        lambda m: m._replace(event_id=""),
        lambda m: m._replace(correlation=m.event_id),
        lambda m: m._replace(correlation=""),
        lambda m: m._replace(signature=b"2:webhooks-2" + m.signature[12:]),
        lambda m: m._replace(signature=b"2:x"),
        lambda m: m._replace(type=f"{m.type}\0{m.key}", key=""),
        lambda m: m._replace(key=f"{m.key}\0{m.body[:5].decode()}", body=m.body[5:]),
        lambda m: m._replace(event_id=f"{m.event_id}\0{m.correlation}", correlation=""),
        lambda m: m._replace(signature=b"2:webhooks-1:" + b"\xff" * 200),
        lambda m: m._replace(signature=m.signature[:20] + b"?" + m.signature[21:]),
    ],
)
def test_a_message_that_was_changed_is_refused_also_after_the_true_one(
    change: Callable[[Message], Message],
) -> None:
    true = sign(messages(3))[1]
    by = verifier()
    forged = change(true)
    assert code(forged) == "message.signature"
    assert code(true, by) == ""
    # A cut signature harms nobody once the true message was verified: its content is the same.
    if forged._replace(signature=true.signature) != true:
        assert code(forged, by) == "message.signature"


def test_a_service_signs_its_own_topics_only() -> None:
    by_ledger = sign(messages(2), KEYS["ledger"])
    assert {code(m) for m in by_ledger} == {"message.signature"}
    # Nor may it hide a message of another topic in a group of its own.
    own = Message("ledger-postings", 0, 0, "k", "certificate-issued.v1", "", b"{}")
    hints = messages(1)
    group = sign([own, *(m._replace(offset=3) for m in hints)], KEYS["ledger"])
    by = verifier()
    assert code(group[0], by) == ""
    assert code(group[1], by) == "message.signature"


def test_without_a_signature_a_message_is_refused_unless_the_transition_says_otherwise() -> None:
    (unsigned,) = messages(1)
    assert code(unsigned) == "message.unsigned"
    assert code(unsigned, verifier(accept_unsigned=True)) == ""
    older = sign([unsigned])[0]  # as a signature of a form that covered less began
    older = older._replace(signature=older.signature.removeprefix(b"2:"))
    assert code(older) == "message.unsigned"
    assert code(older, verifier(accept_unsigned=True)) == ""
    wrong = sign([unsigned])[0]._replace(body=b"{}")
    assert code(wrong, verifier(accept_unsigned=True)) == "message.signature"


def test_old_and_new_keys_are_accepted_side_by_side_and_the_first_signs() -> None:
    new = {"webhooks": f"webhooks-2:{key(7)},{KEYS['webhooks']}"}
    assert code(sign(messages(1))[0], verifier(new)) == ""
    by_new = sign(messages(1), new["webhooks"])[0]
    assert by_new.signature.startswith(b"2:webhooks-2:")
    assert code(by_new, verifier(new)) == ""
    assert code(by_new) == "message.signature"  # this reader was not restarted yet


@pytest.mark.parametrize("wrong", ["x", "a:b", f"a:{key(1)[:20]}", f"/:{key(1)}"])
def test_what_is_no_key_is_refused_without_being_repeated(wrong: str) -> None:
    for parse in (Signer.parse, Verifier.parse):
        with pytest.raises(ValueError, match="key") as found:
            parse(wrong)
        assert key(1)[:20] not in str(found.value)
