"""What is printed: JSON for programs, or lines for people. Answers go to stdout, errors to stderr.

Names in a roster come from files, so a control character in one could change the terminal.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click

from cli.errors import CommandError

NO_APPROVAL = (
    "This command line cannot approve. A person who did not upload or change the batch approves "
    "it in the dashboard:"
)


def dollars(cents: int) -> str:
    """US cents as `$1,234.56`."""
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def printable(text: object) -> str:
    """A text without control characters and other invisible ones."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def show_json(value: Any) -> None:  # Any: JSON
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=1, ensure_ascii=True))


def show_json_line(value: Any) -> None:  # Any: JSON
    """One JSON document on one line of stdout, at once."""
    click.echo(json.dumps(value, ensure_ascii=True))


def show_lines(lines: Iterable[str]) -> None:
    """Lines on stdout."""
    for line in lines:
        click.echo(printable(line))


def show_error(error: CommandError, *, as_json: bool) -> None:
    """What happened, whether money is affected and what to do: on stderr, as JSON on stdout."""
    if as_json:
        show_json({"error": error.fields()})
        return
    click.echo(f"paydown: {printable(error.detail)}", err=True)
    click.echo(f"  {printable(error.money)}", err=True)
    click.echo(f"  {printable(error.action)}", err=True)


def table(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Rows as aligned columns; those in `right` are aligned to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def counts(rows: dict[str, int], amount_cents: dict[str, int], names: Sequence[str]) -> list[str]:
    """A line for each name that counts something: name, number, money."""
    found = [
        (f"  {name.replace('_', ' ')}", f"{rows[name]:,}", dollars(amount_cents[name]))
        for name in names
        if rows[name]
    ]
    return table(found, right=frozenset({1, 2})) if found else ["  none"]
