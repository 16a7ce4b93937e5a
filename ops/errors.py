"""Errors of command lines: one sentence on stderr and exit code 2."""

import sys
from collections.abc import Callable


class CommandError(Exception):
    """The machine or the arguments are wrong, not the program.

    The text is one sentence that says what happened and what to do.
    """


def exit_code(command: Callable[[], int]) -> int:
    """Run a command and return its exit code: 2 after a `CommandError`, 130 after Ctrl-C."""
    try:
        return command()
    except CommandError as error:
        print(f"paydown: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
