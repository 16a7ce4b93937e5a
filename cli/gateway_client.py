"""Calls to the gateway. The only call that changes something is the upload of a roster.

There is no function that approves: an approval is a person's act in the dashboard.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from cli.errors import (
    NO_MONEY,
    NOT_ALLOWED,
    REFUSED,
    REPEATED,
    UNAVAILABLE,
    CommandError,
)
from cli.settings import GatewaySettings

API = "/api/v1"
TRIES, WAIT_S, WAIT_MAX_S = 4, 1.0, 30.0
TIMEOUT = httpx.Timeout(60.0, connect=10.0)
UPLOAD_TIMEOUT = httpx.Timeout(330.0, connect=10.0)  # the gateway itself gives an upload 300 s
TOO_LARGE = 413
TRANSIENT_CODES = {"idempotency.in-progress", "rate.limited"}
#: Without a problem these are a proxy's: it was too slow, too early, or counts requests.
TRANSIENT_STATUSES = {408, 425, 429}
UNKNOWN_OUTCOME = "A batch pays nothing before a person has approved it."

Result = TypeVar("Result")


class Unavailable(CommandError):
    """No answer, or one that says: not now. The same call can be repeated."""

    def __init__(self, detail: str, wait_s: float = WAIT_S, code: str = "gateway.away") -> None:
        super().__init__(
            detail,
            "Try again later; the same command again does no harm.",
            exit_code=UNAVAILABLE,
            code=code,
            money=UNKNOWN_OUTCOME,
        )
        self.wait_s = min(max(wait_s, 0.0), WAIT_MAX_S)


class ProxyWithoutGateway(Unavailable):
    """A page of a proxy instead of the gateway's answer; the gateway may have carried it out."""

    def __init__(self, status: int, wait_s: float = WAIT_S) -> None:
        super().__init__(
            f"Not the gateway answered, but a proxy in front of the gateway (status {status}).",
            wait_s,
        )
        self.action = (
            "The same command finds what was taken, and takes nothing twice. If it stays so, tell "
            "whoever runs the proxy (docs/proxies.md)."
        )


class RefusedByProxy(CommandError):
    """A proxy has refused a request by itself: every refusal of the gateway has a code.

    Args:
        in_doubt: an earlier try of the same upload had no answer and may have been taken.
    """

    def __init__(self, status: int, *, in_doubt: bool = False) -> None:
        what = (
            "The file is too large for a proxy in front of the gateway"
            if status == TOO_LARGE
            else "A proxy or a firewall in front of the gateway refused the request"
        )
        taken = "Whether an earlier try was taken is not known" if in_doubt else "Nothing was taken"
        first = (
            "Look whether the file is in the list of batches (paydown status)."
            if in_doubt
            else "Do not send it again as it is."
        )
        super().__init__(
            f"{what} (status {status}). {taken}.",
            f"{first} Tell whoever runs the proxy: it must let through uploads of 100 MB "
            "(docs/proxies.md).",
            exit_code=NOT_ALLOWED if status in (401, 403) else REFUSED,
            code="proxy.too-large" if status == TOO_LARGE else "proxy.refused",
            money=UNKNOWN_OUTCOME if in_doubt else NO_MONEY,
        )
        self.status, self.in_doubt = status, in_doubt


@dataclass(frozen=True)
class Roster:
    """A file as it is uploaded. `key`: same key, same upload."""

    content: bytes
    filename: str
    key: str
    period: str = ""
    repeat_reason: str = ""

    @property
    def media_type(self) -> str:
        """What the contents are, by their first bytes."""
        return "application/gzip" if self.content[:2] == b"\x1f\x8b" else "application/xml"


class GatewayClient:
    """A gateway. Transient failures are tried again, `tries` calls in all.

    `unanswered` has the keys of uploads that had no answer yet, and so may have been taken.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
        tries: int = TRIES,
    ) -> None:
        self.sleep, self.tries, self.url = sleep, tries, settings.url
        self.unanswered: set[str] = set()
        self.http = httpx.Client(
            base_url=settings.url + API,
            headers={"Authorization": f"Bearer {settings.token}", "User-Agent": "paydown-cli"},
            timeout=TIMEOUT,
            transport=transport,
            follow_redirects=False,  # a token is for one gateway
        )

    def get(self, path: str, **params: str | int) -> dict[str, Any]:
        """What a path of the API answers.

        Raises:
            CommandError: it answers something else than 200 and JSON.
        """
        return self._repeat(lambda: _json(self._send("GET", path, params=params)))

    def upload(self, roster: Roster) -> dict[str, Any]:
        """Upload a roster, once: `{batch_id, status}`. The same roster again is the same batch.

        A roster has the same key in every run, so an upload whose answer was lost is found by the
        next one, and not repeated.

        Raises:
            CommandError: refused; exit code 5 and `batch_id` if the file is uploaded already.
        """
        try:
            found = _json(self._repeat(lambda: self._send_roster(roster)))
        except RefusedByProxy as error:
            raise RefusedByProxy(error.status, in_doubt=roster.key in self.unanswered) from None
        self.unanswered.discard(roster.key)
        return found

    def download(self, path: str, target: Path) -> None:
        """Store a report as a file, which is there whole or not at all."""

        def download() -> None:
            draft = target.with_name(f".{target.name}.part")
            try:
                with _transport_errors(), self.http.stream("GET", path) as answer:
                    if answer.status_code != 200:
                        answer.read()
                        raise_for_problem(answer)
                    with draft.open("wb") as file:
                        for chunk in answer.iter_bytes():
                            file.write(chunk)
                draft.replace(target)
            finally:
                draft.unlink(missing_ok=True)

        self._repeat(download)

    def _send_roster(self, roster: Roster) -> httpx.Response:
        try:
            return self._try_roster(roster)
        except Unavailable:
            self.unanswered.add(roster.key)
            raise

    def _try_roster(self, roster: Roster) -> httpx.Response:
        query = {
            "filename": roster.filename,
            "period": roster.period,
            "repeat_reason": roster.repeat_reason,
        }
        answer = self._send(
            "POST",
            "/batches",
            params={name: value for name, value in query.items() if value},
            content=roster.content,
            headers={"Idempotency-Key": roster.key, "Content-Type": roster.media_type},
            timeout=UPLOAD_TIMEOUT,
        )
        _raise_if_transient(answer)
        return answer

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:  # Any: of httpx
        with _transport_errors():
            return self.http.request(method, path, **more)

    def _repeat(self, call: Callable[[], Result]) -> Result:
        for _ in range(self.tries - 1):
            try:
                return call()
            except Unavailable as error:
                self.sleep(error.wait_s)
        return call()


@contextlib.contextmanager
def _transport_errors() -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException:
        raise Unavailable("The gateway did not answer in time.") from None
    except httpx.TransportError as error:
        raise Unavailable(f"The gateway cannot be reached: {_reason(error)}.") from None


def _reason(error: httpx.TransportError) -> str:
    """The operating system's or the protocol's words for what went wrong."""
    return str(error).rstrip(".") or "the connection was lost"


def _json(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise_for_problem(answer)
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CommandError(
            "What answers at PAYDOWN_URL is not a paydown gateway.",
            "Check the address: it has no path.",
            code="gateway.unknown",
        )
    return found


def _raise_if_transient(answer: httpx.Response) -> None:
    problem, status = _problem(answer), answer.status_code
    wait = answer.headers.get("retry-after", "")
    wait_s = float(wait) if wait.isdecimal() else WAIT_S
    if not problem and (status >= 500 or status in TRANSIENT_STATUSES):
        raise ProxyWithoutGateway(status, wait_s)
    if status >= 500 or problem.get("code") in TRANSIENT_CODES:
        raise Unavailable(
            str(problem.get("detail") or f"The gateway answered {status}."),
            wait_s,
            str(problem.get("code") or "gateway.away"),
        )


def raise_for_problem(answer: httpx.Response) -> None:
    """Raise the error that an answer other than 2xx describes."""
    _raise_if_transient(answer)
    problem = _problem(answer)
    if 400 <= answer.status_code < 500 and not problem:
        raise RefusedByProxy(answer.status_code)
    code = str(problem.get("code") or "gateway.refused")
    exit_code = NOT_ALLOWED if answer.status_code in (401, 403) else REFUSED
    more = {name: problem[name] for name in ("batch_id", "request_id") if name in problem}
    raise CommandError(
        str(problem.get("detail") or f"The gateway answered {answer.status_code}."),
        str(problem.get("action") or "Check PAYDOWN_URL."),
        exit_code=REPEATED if code == "upload.repeated" else exit_code,
        code=code,
        money=str(problem.get("money") or UNKNOWN_OUTCOME),
        **more,
    )


def _problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem+json of an answer; empty if it has none."""
    if "json" not in answer.headers.get("content-type", ""):
        return {}
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
