"""Tells the loops of a process that there may be work, so that they need not look for it often."""

import threading
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.web.methods import UNSAFE_METHODS


class WorkSignal:
    """One for all loops of a process: a loop that is waiting looks at once when it is given.

    It is given after each transaction that may leave work behind: of a consumer, of a person's
    request, of another loop. It is only a hint: work of another process, and work that becomes due
    at a time, is found because loops also look by themselves.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._given = 0

    @property
    def given(self) -> int:
        """How often it was given. Read it before looking for work, and wait from there."""
        return self._given

    def give(self) -> None:
        """Have the waiting loops look now, and those that are looking once more."""
        with self._changed:
            self._given += 1
            self._changed.notify_all()

    def wait(self, given: int, wait_s: float) -> None:
        """Return when it was given more often than `given`, after `wait_s` at the latest."""
        with self._changed:
            self._changed.wait_for(lambda: self._given != given, wait_s)


class SignalsWork:
    """ASGI middleware that gives the signal after each request that may have changed something."""

    def __init__(self, app: ASGIApp, *, give: Callable[[], None]) -> None:
        self.app, self.give = app, give

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, then give the signal."""
        try:
            await self.app(scope, receive, send)
        finally:
            if scope["type"] == "http" and scope["method"] in UNSAFE_METHODS:
                self.give()
