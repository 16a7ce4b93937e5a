"""The secrets of one local stack: made at random once per state folder, kept in a file only its owner may read."""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path


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


def _random_base64() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
