"""`python -m ops rotate-keys add|use PATH`: make a step of a key rotation in files.

PATH is a `keys.json`, a file with nothing but the keys (a secret of your own vault), or the folder
that `python -m ops secrets` made. The steps: docs/runbooks/keys.md.
"""

import json
from pathlib import Path

from libs.common.crypto.field_encryption import FieldCipher, new_key
from ops import key_rotation
from ops.errors import CommandError
from ops.private_files import SUPERVISOR_CONFIGURATION, SUPERVISOR_PID, write_private
from ops.secret_files import write_for_container
from services import catalog

KEYS_OF_FOLDER = Path("keys") / "keys.json"


def rotate(step: str, path: Path) -> key_rotation.Step:
    """Make a step (`add` or `use`). A second call of the same step changes nothing.

    Raises:
        CommandError: there are no keys, they cannot be written, or it is too early for `use`.
    """
    return rotate_folder(step, path) if path.is_dir() else rotate_file(step, path)


def rotate_folder(step: str, folder: Path) -> key_rotation.Step:
    """Make a step in `keys/keys.json` and give the keys to each container that has any.

    The containers' files are written also if the step was made before, so that the next call
    completes one that was interrupted.

    Raises:
        CommandError: as `rotate_file`, or the folder cannot be written.
    """
    made = rotate_file(step, folder / KEYS_OF_FOLDER)
    give_to_containers(folder, made.keys)
    return made


def give_to_containers(folder: Path, keys: str) -> None:
    """Write the keys for each container that has any. A second call writes the same.

    Raises:
        CommandError: the folder cannot be written.
    """
    try:
        for name in catalog.ENCRYPTING:
            write_for_container(folder / name / "seal_keys", keys)
    except OSError as error:
        raise CommandError(
            f"the keys cannot be written to {folder}: {error.strerror}; repeat the command"
        ) from None


def rotate_file(step: str, file: Path) -> key_rotation.Step:
    """Make a step in one file. A second call of the same step changes nothing.

    Raises:
        CommandError: the file holds no keys or cannot be written, or the local stack that it
            belongs to still runs without the new key.
    """
    keys, everything = read_file(file)
    if step == "use":
        refuse_too_early(file.parent, key_rotation.newest_id(keys))
    made = key_rotation.add(keys, new_key()) if step == "add" else key_rotation.use(keys)
    if made.changed:
        write_file(file, made.keys, everything)
    return made


def write_file(file: Path, keys: str, everything: dict[str, str] | None) -> None:
    """Write keys to the file from which `read_file` read the rest.

    Raises:
        CommandError: it cannot be written.
    """
    text = keys if everything is None else json.dumps({**everything, "seal_keys": keys}, indent=1)
    try:
        write_private(file, text)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from None


def refuse_too_early(folder: Path, key_id: str) -> None:
    """Refuse `use` if the local stack of this folder was started without the key.

    Raises:
        CommandError: its processes could not decrypt what others encrypt with the key.
    """
    configuration, pid = folder / SUPERVISOR_CONFIGURATION, folder / SUPERVISOR_PID
    if pid.exists() and configuration.exists() and f"{key_id}:" not in configuration.read_text():
        raise CommandError(
            f"the stack that is up was started without {key_id} and could not decrypt what is "
            f"encrypted with it: `make down`, `make up`, then again"
        )


def read_file(file: Path) -> tuple[str, dict[str, str] | None]:
    """The keys in a file, and everything else in it if it is a `keys.json`.

    Raises:
        CommandError: it holds no keys.
    """
    try:
        text = file.read_text()
        everything = json.loads(text) if text.lstrip().startswith("{") else None
        keys = text.strip() if everything is None else str(everything["seal_keys"])
        FieldCipher.parse(keys)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError):
        raise CommandError(
            f"{file} holds no keys: id:base64[,id:base64], alone or as seal_keys of a keys.json"
        ) from None
    return keys, everything
