"""Errors of the rules: a request that cannot be carried out, a message about an unknown batch."""

from typing import Any, Literal

from libs.common.contracts.errors import PaydownError, Reject


class RequestError(PaydownError):
    """A request that cannot be carried out. Nothing was changed.

    Args:
        kind: what is wrong with it; the routes choose the HTTP status by it.
        action: what the person can do, in one sentence.
        more: further fields of the answer.
    """

    def __init__(
        self,
        kind: Literal["not_found", "forbidden", "conflict", "invalid"],
        code: str,
        message: str,
        action: str,
        **more: Any,
    ) -> None:
        super().__init__(message, code)
        self.kind, self.action, self.more = kind, action, more


class UnknownBatch(Reject):
    """A message names a batch or a payment that this service does not have."""

    code = "ingest.unknown-batch"
