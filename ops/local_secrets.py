"""The secrets of one local stack: made at random once per state folder, kept in a file only its owner may read.

    python -m ops.local_secrets rotate add|use [FILE]

The two steps of a new seal key (ops/key_rotation.py; docs/runbooks/keys.md): of the local stack, or in a FILE that is a keys.json or holds nothing but
the keys, as containers are given them.
"""

import base64
import json
import os
import secrets
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from devtools import paths
from ops import key_rotation
from ops.errors import CommandError, exit_code

CONFIGURATION = "supervisord.conf"  # what the running stack was started with


@dataclass(frozen=True)
class Keys:
    """What the processes of one stack share. Losing the seal keys makes the personal fields on the topics unreadable."""

    seal_keys: str  # id:base64, 256 bits
    index_key: str  # base64, 256 bits
    internal_token: str
    webhook_secret: str
    database_secret: str  # the password of every database role is derived from it

    @classmethod
    def kept_in(cls, folder: Path) -> "Keys":
        """The secrets of this state folder; the first call makes them."""
        file = folder / "keys.json"
        if not file.exists():
            made = cls(
                seal_keys=f"local-1:{_random_base64()}",
                index_key=_random_base64(),
                internal_token=secrets.token_urlsafe(32),
                webhook_secret=secrets.token_urlsafe(32),
                database_secret=secrets.token_urlsafe(32),
            )
            write_private(file, json.dumps(asdict(made), indent=1))
        return cls(**json.loads(file.read_text()))


def write_private(file: Path, text: str) -> None:
    """Write a whole file that only its owner may read; a reader sees the old or the new one."""
    draft = file.with_name(f"{file.name}.draft")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(text)
    draft.replace(file)


def rotate(step: str, file: Path) -> key_rotation.Step:
    """Make a step of a rotation in a file; a second call of the same step changes nothing.

    Raises:
        CommandError: the file holds no keys, or the local stack it belongs to still runs without the new one.
    """
    from libs.common.crypto.field_encryption import FieldCipher  # noqa: PLC0415 - a container's health runs every three seconds and needs no cryptography

    try:
        text = file.read_text()
        whole = json.loads(text) if text.lstrip().startswith("{") else None
        keys = str(whole["seal_keys"]) if whole is not None else text.strip()
        FieldCipher.parse(keys)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError):
        raise CommandError(
            f"{file} holds no seal keys: id:base64[,id:base64], alone or as seal_keys of a keys.json"
        ) from None
    if step == "use":
        refuse_too_early(file.parent, key_rotation.newest_id(keys))
    made = key_rotation.add(keys, _random_base64()) if step == "add" else key_rotation.use(keys)
    if made.changed:
        try:
            write_private(
                file,
                json.dumps({**whole, "seal_keys": made.keys}, indent=1)
                if whole is not None
                else made.keys,
            )
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}") from None
    return made


def refuse_too_early(state: Path, key_id: str) -> None:
    """Refuse to seal under a key that the stack of this folder was started without.

    Raises:
        CommandError: it was.
    """
    configuration, keeper = state / CONFIGURATION, state / "supervisord.pid"
    if keeper.exists() and configuration.exists() and f"{key_id}:" not in configuration.read_text():
        raise CommandError(
            f"the stack that is up was started without {key_id}, so it could not open what is sealed under it: `make down`, `make up`, then again"
        )


def main(arguments: list[str]) -> int:
    """Exit code 0, or 2 with one sentence."""
    match arguments:
        case ["rotate", ("add" | "use") as step, *file] if len(file) <= 1:
            print(rotate(step, Path(*file) if file else paths.UP / "keys.json").says)
            return 0
        case _:
            raise CommandError("usage: python -m ops.local_secrets rotate add|use [FILE]")


def _random_base64() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
