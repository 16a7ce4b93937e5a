"""`python -m ops rotate-signing-keys add|use PATH`: make a step of a rotation of signing keys.

PATH is a `keys.json`, or the folder that `python -m ops secrets` made. After `add` every reader
accepts a new key of each service that signs; when every process was restarted, `use` lets the
new keys sign. The steps, and what to do with a key that was stolen: docs/runbooks/keys.md.
"""

import json
from pathlib import Path

from libs.common.crypto.message_signatures import public_keys
from ops import key_rotation
from ops.errors import CommandError
from ops.private_files import write_private
from ops.rotate_keys import refuse_too_early
from ops.secret_files import random_base64, signing_keys_of, write_for_container
from services import catalog

NEXT = {
    "add": "Each service has a new signing key that is accepted and does not sign yet: restart "
    "every process, then go on with the step `use`.",
    "use": "The newest signing keys sign from the next start on: restart every process that "
    "publishes, and the gateway. The old keys stay accepted, because the topics keep what they "
    "signed.",
}


def rotate(step: str, path: Path) -> str:
    """Make a step and say what comes next. A second call of the same step changes nothing.

    Raises:
        CommandError: there are no keys, they cannot be written, or it is too early for `use`.
    """
    file = path / "keys" / "keys.json" if path.is_dir() else path
    try:
        everything = json.loads(file.read_text())
        keys = signing_keys_of(everything)
        public_keys(keys)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, AttributeError, TypeError):
        keys = {}
    if not keys:
        raise CommandError(f"{file} holds no signing_keys; `python -m ops secrets` makes them")
    if step == "use":
        for name in keys:
            refuse_too_early(file.parent, key_rotation.newest_id(keys[name]))
        keys = {name: key_rotation.use(one).keys for name, one in keys.items()}
    else:
        keys = {name: key_rotation.add(one, random_base64()).keys for name, one in keys.items()}
    try:
        write_private(file, json.dumps({**everything, "signing_keys": keys}, indent=1))
        if path.is_dir():
            _write_folder(path, keys)
    except OSError as error:
        raise CommandError(
            f"the keys cannot be written to {path}: {error.strerror}; repeat the command"
        ) from None
    return NEXT[step]


def _write_folder(folder: Path, keys: dict[str, str]) -> None:
    """Give each container its own private keys, and everybody's public ones."""
    for name in catalog.ON_KAFKA:
        write_for_container(folder / name / "public_keys", public_keys(keys))
    for name, private in keys.items():  # the gateway too: on no topic, but it signs its calls
        write_for_container(folder / name / "signing_keys", private)
