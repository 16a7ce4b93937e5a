"""A key for each person, all from one secret, and how to destroy one of them for good.

The secret is the root of a binary tree of hashes (Goldreich, Goldwasser and Micali, 1986). The way
to a leaf is a person's *place*, 64 bits; the leaf is the person's key. To destroy a key, the nodes
on the way to its leaf are replaced by the nodes beside that way: every other key can be derived as
before, and this one by nobody (a puncturable pseudorandom function: Boneh and Waters, 2013; Boyle
et al. and Kiayias et al., the same year). So nothing has to be stored for each person, in no
database, on no topic and in no backup: only for each destroyed key, about 2.6 KB.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DEPTH: Final = 64
PLACE_DIGITS: Final = DEPTH // 4
SECRET_BYTES: Final = 32
NODE_BYTES: Final = 1 + 8 + SECRET_BYTES  # depth, place of its first leaf, secret
CACHED: Final = 16_384
Node = tuple[int, int]  # depth, and the bits of the way from the root

_LEFT, _RIGHT, _LEAF = b"paydown person left", b"paydown person right", b"paydown person leaf"


class KeyDestroyed(Exception):
    """The key of this place was destroyed: what it encrypted is forgotten."""


@dataclass(frozen=True)
class PersonKeys:
    """The nodes from which the keys of all places can be derived that were not destroyed."""

    nodes: dict[Node, bytes]

    @classmethod
    def of_root(cls, secret: bytes) -> Self:
        """The keys of all places, from 32 random bytes."""
        return cls({(0, 0): secret})

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read what `to_bytes` gave.

        Raises:
            ValueError: it is something else.
        """
        if len(raw) % NODE_BYTES:
            raise ValueError("the keys of people are cut")
        nodes = {}
        for at in range(0, len(raw), NODE_BYTES):
            depth, first = raw[at], int.from_bytes(raw[at + 1 : at + 9])
            if depth > DEPTH or first % (1 << (DEPTH - depth)):
                raise ValueError("the keys of people have a node that cannot be")
            nodes[depth, first >> (DEPTH - depth)] = raw[at + 9 : at + NODE_BYTES]
        return cls(nodes)

    def to_bytes(self) -> bytes:
        """The nodes as bytes; the same nodes give the same bytes."""
        return b"".join(
            bytes([depth]) + (bits << (DEPTH - depth)).to_bytes(8) + secret
            for (depth, bits), secret in sorted(self.nodes.items())
        )

    @property
    def is_whole(self) -> bool:
        """Whether no key was destroyed."""
        return (0, 0) in self.nodes

    def has(self, place: str) -> bool:
        """Whether the key of a place can be derived."""
        return _node_above(self.nodes, place) is not None

    def key(self, place: str) -> AESGCM:
        """The key of a place (16 hex digits). The newest ones are kept in memory.

        Raises:
            KeyDestroyed: it was destroyed.
        """
        return self._cached(place)

    @cached_property
    def _cached(self) -> Callable[[str], AESGCM]:
        return lru_cache(maxsize=CACHED)(self._derived)

    def _derived(self, place: str) -> AESGCM:
        found = _node_above(self.nodes, place)
        if found is None:
            raise KeyDestroyed(place)
        return AESGCM(hashlib.sha256(_LEAF + self._leaf(found, place)).digest())

    def _leaf(self, node: Node, place: str) -> bytes:
        secret, bits = self.nodes[node], int(place, 16)
        for depth in range(node[0], DEPTH):
            secret = _child(secret, bits >> (DEPTH - 1 - depth) & 1)
        return secret

    def without(self, places: Iterable[str]) -> "PersonKeys":
        """The same keys, but those of these places. A second call changes nothing."""
        nodes = dict(self.nodes)
        for place in places:
            above = _node_above(nodes, place)
            if above is None:
                continue
            secret, bits = nodes.pop(above), int(place, 16)
            for depth in range(above[0], DEPTH):
                turn = bits >> (DEPTH - 1 - depth) & 1
                beside = (bits >> (DEPTH - 1 - depth)) ^ 1
                nodes[depth + 1, beside] = _child(secret, 1 - turn)
                secret = _child(secret, turn)
        return PersonKeys(nodes)


def _child(secret: bytes, turn: int) -> bytes:
    """The node below another: 0 is left, 1 is right."""
    return hashlib.sha256((_RIGHT if turn else _LEFT) + secret).digest()


def _node_above(nodes: Mapping[Node, bytes], place: str) -> Node | None:
    """The node on the way to a place that is still there; None if its key was destroyed."""
    if len(place) != PLACE_DIGITS:
        raise ValueError("a place has 16 hex digits")
    bits = int(place, 16)
    return next(
        (node for depth in range(DEPTH + 1) if (node := (depth, bits >> (DEPTH - depth))) in nodes),
        None,
    )
