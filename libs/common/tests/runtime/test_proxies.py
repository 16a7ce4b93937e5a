"""Whose word a service takes for the address of a caller."""

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, Request

from libs.common.runtime.service import Service
from libs.common.tests.runtime.test_service import Example

LOCAL, ELSEWHERE = "127.0.0.1", "203.0.113.9"


def seen_address(trusted: str) -> str:
    """The caller's address as a route sees it, behind a local peer that names another one."""
    settings = Example(
        database_url="postgresql+psycopg2://x@127.0.0.1:1/x", internal_token="0" * 16
    )
    service = Service("example", settings, Path(), public=True, trusted_proxies=trusted)
    routes = APIRouter()

    @routes.get("/address")
    def address(request: Request) -> str:
        return request.client.host if request.client else ""

    service.routers.append(routes)
    config = service.server_config()
    config.load()

    async def ask() -> str:
        transport = httpx.ASGITransport(config.loaded_app, client=(LOCAL, 5))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.get("/address", headers={"X-Forwarded-For": ELSEWHERE})
            return str(answer.json())

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("trusted", "expected"), [("", LOCAL), ("198.51.100.7", LOCAL), (LOCAL, ELSEWHERE)]
)
def test_only_a_trusted_proxy_may_name_the_callers_address(
    trusted: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # a variable of the server, not of ours
    assert seen_address(trusted) == expected
