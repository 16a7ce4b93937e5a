"""What can go wrong with a message, in the two ways a consumer must tell apart."""


class PaydownError(Exception):
    """Base of this project's own errors; `code` is stable and shown to people and programs."""

    code = "paydown.error"

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class Reject(PaydownError):
    """This message is wrong for ever: it becomes a dead letter with this reason, and the partition goes on."""

    code = "paydown.reject"


class Retry(PaydownError):
    """Not now: the world is down or not ready. Nothing is skipped; the partition waits and the message comes again."""

    code = "paydown.retry"


class Fatal(PaydownError):
    """Going on would be wrong (a gap in a topic, a topic that is not the one it was): the process must end."""

    code = "paydown.fatal"
