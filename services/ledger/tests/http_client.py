"""A client of the ledger's internal HTTP."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI

from libs.common.web.problem_details import install_error_handlers
from services.ledger import routes
from services.ledger.tests.conftest import Database

TOKEN = "x" * 20


class Client:
    def __init__(self, web: FastAPI) -> None:
        self.web = web

    def get(
        self, path: str, params: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return self._send("GET", path, headers or {"X-Paydown-Internal": TOKEN}, params=params)

    def post(self, path: str, body: Any, person: str = "Fina") -> httpx.Response:
        headers = {"X-Paydown-Internal": TOKEN, "X-Paydown-Actor": person}
        return self._send("POST", path, headers, json=body)

    def _send(
        self, method: str, path: str, headers: dict[str, str], **options: Any
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(self.web), base_url="http://ledger"
            ) as client:
                return await client.request(method, path, headers=headers, **options)

        return asyncio.run(ask())


def client_of(database: Database) -> Client:
    web = FastAPI()
    install_error_handlers(web)
    web.include_router(routes.router(database.service, TOKEN))
    return Client(web)
