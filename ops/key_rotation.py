"""Rotate the encryption key of personal fields in two steps. Pure.

Keys are `id:base64[,id:base64]`: the first encrypts, all decrypt. Step `add` puts a new key at the
end: it decrypts, and does not encrypt yet. When every process has it, step `use` moves it to the
front. So processes with the old and with the new list can run side by side after each step.

Ids end in a number that grows, so the newest key is known wherever it stands. No key is ever
removed, because the topics keep what was encrypted with it for ever.
"""

import re
from dataclasses import dataclass

from services import catalog

HOLDERS = f"{', '.join(catalog.ENCRYPTING[:-1])} and {catalog.ENCRYPTING[-1]}"


@dataclass(frozen=True)
class Step:
    """The keys after a step. `changed` is False if the step was made before.

    `message` is one sentence for the operator: what was done, and what to do next.
    """

    keys: str
    changed: bool
    message: str


def add(keys: str, new_key: str) -> Step:
    """Make the first step. Nothing is added while a newer key waits to be used.

    Args:
        keys: the present list.
        new_key: at random, as `field_encryption.new_key` makes it.
    """
    parts = keys.split(",")
    newest = max(parts, key=_number)
    if newest != parts[0]:
        message = (
            f"{_id(newest)} was added before and does not encrypt yet: when every process was "
            f"restarted with it, go on with the step `use`."
        )
        return Step(keys, False, message)
    added = _next_id(_id(newest))
    message = (
        f"{added} was added and does not encrypt yet: back the keys up, restart every process of "
        f"{HOLDERS}, then go on with the step `use`."
    )
    return Step(f"{keys},{added}:{new_key}", True, message)


def use(keys: str) -> Step:
    """Make the second step: the newest key encrypts from the next start on."""
    parts = keys.split(",")
    newest = max(parts, key=_number)
    if newest == parts[0]:
        message = (
            f"{_id(newest)} encrypts already and no newer key was added: there is nothing to do; "
            f"a rotation begins with the step `add`."
        )
        return Step(keys, False, message)
    rest = [part for part in parts if part != newest]
    message = (
        f"{_id(newest)} encrypts from the next start on: restart {HOLDERS}, one by one if you "
        f"like; {', '.join(map(_id, rest))} must stay, because the topics keep what was encrypted "
        f"with it."
    )
    return Step(",".join([newest, *rest]), True, message)


def newest_id(keys: str) -> str:
    """The id of the newest key."""
    return _id(max(keys.split(","), key=_number))


def _id(part: str) -> str:
    return part.partition(":")[0]


def _number(part: str) -> int:
    found = re.search(r"\d+$", _id(part))
    return int(found[0]) if found else 1


def _next_id(name: str) -> str:
    stem = re.sub(r"\d+$", "", name)
    return f"{stem}{_number(name) + 1}" if stem != name else f"{name}-2"
