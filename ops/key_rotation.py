"""Changing the seal key in two steps, so that processes with the old and with the new settings can work side by side. Pure.

Seal keys are `id:base64[,id:base64]`; the first seals, all open. `add` puts a new key at the end: it opens, and seals nothing. When every
process has it, `use` moves it to the front. Ids end in a number that grows, so the newest key is known wherever it stands. No key is ever taken out:
what lies on the topics is sealed under it for ever.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """What a step has made of the keys; `changed` is False where it had been made before. `says` is one sentence: what is to be done next."""

    keys: str
    changed: bool
    says: str


def add(keys: str, random_base64: str) -> Step:
    """The first step. While a newer key waits to be used, nothing is added.

    Args:
        keys: as they are.
        random_base64: 32 random bytes for the new key.
    """
    parts = keys.split(",")
    newest = max(parts, key=_number)
    if newest != parts[0]:
        return Step(
            keys,
            False,
            f"{_id(newest)} was added before and seals nothing yet: when every process was restarted with it, go on with the step `use`.",
        )
    made = _next(_id(newest))
    return Step(
        f"{keys},{made}:{random_base64}",
        True,
        f"{made} is added, opens and seals nothing yet: back the keys up, restart every process of ingest, "
        f"dispatcher and reports, then go on with the step `use`.",
    )


def use(keys: str) -> Step:
    """The second step: the newest key seals from the next start on."""
    parts = keys.split(",")
    newest = max(parts, key=_number)
    if newest == parts[0]:
        return Step(
            keys,
            False,
            f"{_id(newest)} seals already and no newer key was added: there is nothing to do; a rotation begins with the step `add`.",
        )
    rest = [part for part in parts if part != newest]
    return Step(
        ",".join([newest, *rest]),
        True,
        f"{_id(newest)} seals from the next start on: restart ingest, dispatcher and reports, one by one if you like; "
        f"{', '.join(map(_id, rest))} stays for ever, because what lies on the topics is sealed under it.",
    )


def newest_id(keys: str) -> str:
    """The id of the newest key."""
    return _id(max(keys.split(","), key=_number))


def _id(part: str) -> str:
    return part.partition(":")[0]


def _number(part: str) -> int:
    found = re.search(r"\d+$", _id(part))
    return int(found[0]) if found else 1


def _next(name: str) -> str:
    stem = re.sub(r"\d+$", "", name)
    return f"{stem}{_number(name) + 1}" if stem != name else f"{name}-2"
