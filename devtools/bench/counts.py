"""Refuse a run whose counts do not add up."""

from ops.errors import CommandError


def require_equal(what: str, found: object, expected: object) -> None:
    """Refuse the run unless a count is what it must be.

    Raises:
        CommandError: it is not.
    """
    if found != expected:
        raise CommandError(f"the counts do not add up: {what}: {found}, not {expected}")
