"""The errors of this project: their base, and the three that a consumer treats differently."""


class PaydownError(Exception):
    """Base of this project's own errors; `code` is stable and shown to people and programs."""

    code = "paydown.error"

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class Reject(PaydownError):
    """This message can never be applied.

    It becomes a dead letter with this reason, and its partition goes on.
    """

    code = "paydown.reject"


class Retry(PaydownError):
    """Something this work needs is down or not ready.

    Nothing is skipped: the partition waits, and the same messages are tried again.
    """

    code = "paydown.retry"


class Fatal(PaydownError):
    """Going on would be wrong, for example after a gap in a topic. The process must end."""

    code = "paydown.fatal"


class SettingsError(Exception):
    """A setting cannot be used. The message is one sentence that a person can act on."""
