"""`paydown`, or `python -m cli`: the command line of who uploads rosters."""

import sys
from collections.abc import Sequence

import click

from cli.commands import paydown, show_error
from cli.context import Context
from cli.errors import INTERRUPTED, OK, USAGE, CommandError


def main(arguments: Sequence[str] | None = None, context: Context | None = None) -> int:
    """Run a command and return its exit code; docs/command-line.md says what each means."""
    context = context or Context()
    try:
        code = paydown.main(
            args=None if arguments is None else list(arguments),
            prog_name="paydown",
            standalone_mode=False,
            obj=context,
        )
    except CommandError as error:
        show_error(context, error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return code if isinstance(code, int) else OK


if __name__ == "__main__":
    sys.exit(main())
