"""What is wrong with the machine or the arguments, said in one sentence; the command then ends with exit code 2."""

import sys
from collections.abc import Callable


class Problem(Exception):
    """The machine or the arguments are at fault, not the program. The text is one sentence that names what mends it."""


def exit_code(command: Callable[[], int]) -> int:
    """Run a command; a `Problem` becomes its sentence on stderr and exit code 2, Ctrl-C becomes 130."""
    try:
        return command()
    except Problem as problem:
        print(f"paydown: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
