"""Errors of the command line: one message for people, one exit code for scripts."""

from typing import Any

OK, REFUSED, USAGE, NOT_ALLOWED, UNAVAILABLE, REPEATED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
NO_MONEY = "No money has moved because of this."


class CommandError(Exception):
    """A command cannot do its work.

    Args:
        detail: what happened, one sentence.
        action: what the reader can do.
        exit_code: one of the codes above (docs/command-line.md says what each means).
        code: stable, for programs; the gateway's own code where it answered.
        money: whether money is affected.
        more: further fields for programs, such as `batch_id`.
    """

    def __init__(
        self,
        detail: str,
        action: str,
        *,
        exit_code: int = USAGE,
        code: str = "usage",
        money: str = NO_MONEY,
        **more: Any,  # Any: JSON
    ) -> None:
        super().__init__(detail)
        self.detail, self.action, self.money = detail, action, money
        self.exit_code, self.code, self.more = exit_code, code, more

    def fields(self) -> dict[str, Any]:
        """The error as JSON."""
        return {
            "code": self.code,
            "detail": self.detail,
            "money": self.money,
            "action": self.action,
            **self.more,
        }
