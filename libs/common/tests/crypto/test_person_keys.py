from itertools import pairwise

import pytest

from libs.common.crypto.person_keys import DEPTH, NODE_BYTES, KeyDestroyed, PersonKeys

KEYS = PersonKeys.of_root(bytes(range(32)))
FIRST, LAST, MIDDLE = "0" * 16, "f" * 16, "7fffffffffffffff"
BESIDE_MIDDLE = "7ffffffffffffffe"
NONCE = bytes(12)


def opens(keys: PersonKeys, place: str) -> bool:
    """Whether keys give the very key that the whole tree has at a place."""
    sealed = KEYS.key(place).encrypt(NONCE, b"x", None)
    try:
        return keys.key(place).decrypt(NONCE, sealed, None) == b"x"
    except KeyDestroyed:
        return False


def test_each_place_has_a_key_of_its_own() -> None:
    sealed = {
        KEYS.key(place).encrypt(NONCE, b"x", None) for place in (FIRST, MIDDLE, BESIDE_MIDDLE, LAST)
    }
    assert len(sealed) == 4


@pytest.mark.parametrize("gone", [FIRST, MIDDLE, BESIDE_MIDDLE, LAST])
def test_one_key_is_destroyed_and_every_other_one_stays(gone: str) -> None:
    left = KEYS.without([gone])
    assert not left.has(gone)
    assert not opens(left, gone)
    others = {FIRST, MIDDLE, BESIDE_MIDDLE, LAST} - {gone}
    beside = {f"{int(gone, 16) ^ (1 << bit):016x}" for bit in range(DEPTH)}
    assert all(left.has(place) and opens(left, place) for place in others | beside)
    assert len(left.nodes) == DEPTH
    assert len(left.to_bytes()) == DEPTH * NODE_BYTES


def test_what_is_left_has_no_node_on_the_way_to_a_destroyed_key() -> None:
    left = KEYS.without([FIRST, MIDDLE, LAST])
    for gone in (FIRST, MIDDLE, LAST):
        bits = int(gone, 16)
        assert not [(d, b) for d, b in left.nodes if b == bits >> (DEPTH - d)]
    spans = sorted(
        (bits << (DEPTH - depth), ((bits + 1) << (DEPTH - depth)) - 1) for depth, bits in left.nodes
    )
    assert all(last < first for (_, last), (first, _) in pairwise(spans))
    assert sum(last - first + 1 for first, last in spans) == 2**DEPTH - 3


def test_destroying_in_any_order_or_twice_leaves_the_same() -> None:
    one = KEYS.without([FIRST, MIDDLE])
    assert one == KEYS.without([MIDDLE]).without([FIRST, MIDDLE])
    assert PersonKeys.parse(one.to_bytes()) == one
    assert KEYS.without([]) == KEYS


@pytest.mark.parametrize(
    "raw",
    [
        b"x",
        KEYS.to_bytes()[:-1],
        bytes([65]) + KEYS.to_bytes()[1:],
        bytes([1]) + b"\x01" + KEYS.to_bytes()[2:],
    ],
)
def test_cut_and_impossible_nodes_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="keys of people"):
        PersonKeys.parse(raw)


@pytest.mark.parametrize("place", ["", "abc", "g" * 16])
def test_a_place_has_sixteen_hex_digits(place: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - Python's message or ours
        KEYS.has(place)
