"""A service that is only slow is shown as it was for half a minute; one that is gone is away."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from libs.common.testing.call_keys import SignedByGateway
from libs.common.web.internal_auth import Actor
from services.gateway.dependencies import RequestContext
from services.gateway.routes.health import SLOW_MAX_S, HealthReader
from services.gateway.tests.fakes import TOKEN, Fake
from services.gateway.upstream import Upstream

CONTEXT = RequestContext(Actor("olga", frozenset({"operator"})), "request-1")


class Watcher:
    """Looks at one service, by a clock of its own."""

    def __init__(self) -> None:
        self.now, self.ledger = 1_000.0, Fake("ledger")
        self.reader = HealthReader(lambda: self.now)
        self.ledger.will_answer("GET", "/health/ready", {"ready": True, "checks": {"open": True}})
        self.ledger.answers["GET", "/metrics"] = Response("paydown_ledger_outbox_waiting 3.0\n")

    def look(self, trouble: Exception | None = None) -> dict[str, Any]:
        self.ledger.away = trouble

        async def read() -> dict[str, Any]:
            async with self.ledger.client() as client:
                signer = SignedByGateway("ledger").signer
                return await self.reader.read(Upstream("ledger", client, TOKEN, signer), CONTEXT)

        return asyncio.run(read())


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


SLOW = httpx.ReadTimeout("slow")


def test_a_slow_service_is_shown_as_it_was_with_the_age_of_that(watcher: Watcher) -> None:
    before = watcher.look()
    assert (before["ready"], before["age_s"], before["figures"]) == (True, 0, {"outbox_waiting": 3})
    for age_s in (3.0, SLOW_MAX_S):
        watcher.now = 1_000 + age_s
        assert watcher.look(SLOW) == {**before, "age_s": age_s}
    assert watcher.look()["age_s"] == 0


def test_one_that_is_slow_for_half_a_minute_is_away_until_it_answers(watcher: Watcher) -> None:
    assert watcher.look(SLOW)["away"]  # nothing is known of it yet
    watcher.look()
    watcher.now += SLOW_MAX_S + 0.1
    found = watcher.look(SLOW)
    assert (found["away"], found["ready"], found["figures"]) == (True, False, {})
    watcher.now -= SLOW_MAX_S
    assert watcher.look(SLOW)["away"]  # what was known is forgotten
    assert watcher.look()["ready"]


@pytest.mark.parametrize("trouble", [httpx.ConnectError("x"), httpx.RemoteProtocolError("x")])
def test_one_that_refuses_or_breaks_the_connection_is_away_at_once(
    watcher: Watcher, trouble: Exception
) -> None:
    watcher.look()
    assert watcher.look(trouble)["away"]
    assert watcher.look(SLOW)["away"]
