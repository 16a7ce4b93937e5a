"""Where the value of a setting comes from: the environment, a file, or a command.

- `<NAME>=value`
- `<NAME>_FILE=/path`: the content of a file, as containers and Kubernetes give secrets
- `<NAME>_COMMAND=words`: what a program prints, as a vault or a key management service has one:
  `vault kv get -field=seal_keys secret/paydown`, or `aws kms decrypt …`

A file and a command are read once, at the start. No shell reads the words of a command.
"""

import os
import shlex
import subprocess
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

from libs.common.contracts.errors import SettingsError

FILE: Final = "_FILE"
COMMAND: Final = "_COMMAND"
COMMAND_S: Final = 30
#: What the command does not get: our own settings, among them other secrets.
OURS: Final = ("PAYDOWN_", "DATABASE_URL", "DATABASE_SECRET")


def resolve(environment: Mapping[str, str], prefix: str, fields: Collection[str]) -> dict[str, str]:
    """Replace `<NAME>_FILE` and `<NAME>_COMMAND` by `<NAME>` with the value.

    Raises:
        SettingsError: a file or a command gives no value, or two sources are named for one setting.
            The message names the variable, never its value or what was printed.
    """
    found = dict(environment)
    for key in [key for key in environment if key.startswith(prefix)]:
        suffix = next((suffix for suffix in SOURCES if key.endswith(suffix)), "")
        name = key.removesuffix(suffix)
        # a setting may itself have a name with this end
        if not suffix or _field(key, prefix) in fields or _field(name, prefix) not in fields:
            continue
        if name in found:
            raise SettingsError(f"{name} is set twice, once by {key}; one of them is enough.")
        found[name] = SOURCES[suffix](key, found.pop(key))
    return found


def _field(key: str, prefix: str) -> str:
    return key[len(prefix) :].lower()


def _from_file(key: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(f"{key} names a file that cannot be read: {reason}.") from None


def _from_command(key: str, command: str) -> str:
    environment = {name: text for name, text in os.environ.items() if not name.startswith(OURS)}
    try:
        done = subprocess.run(  # noqa: S603 - an operator's words, and no shell
            shlex.split(command),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
    except subprocess.TimeoutExpired:
        raise SettingsError(f"{key} did not end within {COMMAND_S} seconds.") from None
    except (OSError, ValueError, IndexError) as error:
        reason = getattr(error, "strerror", None) or "it is no command"
        raise SettingsError(f"{key} cannot be run: {reason}.") from None
    if done.returncode or not done.stdout.strip():
        what = f"ended with exit code {done.returncode}" if done.returncode else "printed nothing"
        raise SettingsError(f"{key} {what}; run it by hand to see why.")
    return done.stdout.strip()


SOURCES: Final[Mapping[str, Callable[[str, str], str]]] = {
    FILE: _from_file,
    COMMAND: _from_command,
}
