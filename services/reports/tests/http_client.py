"""A client of the internal HTTP of reports, and a batch whose messages have all come."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine

from services.reports import consumers
from services.reports.tests import factories

BATCH = factories.make(120, 41)
PATH = f"/batches/{BATCH.batch_id}"


@dataclass
class Client:
    app: FastAPI

    def get(
        self, path: str, params: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return self._send("GET", path, params=params, headers=headers or {})

    def post(
        self, path: str, body: Any, person: str = "", roles: str = "preparer"
    ) -> httpx.Response:
        headers = {"X-Paydown-Actor": person, "X-Paydown-Roles": roles}
        return self._send("POST", path, json=body, headers=headers)

    def delete(self, path: str, headers: dict[str, str]) -> httpx.Response:
        return self._send("DELETE", path, headers=headers)

    def _send(
        self, method: str, path: str, headers: dict[str, str], **options: Any
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(self.app), base_url="http://reports"
            ) as client:
                return await client.request(
                    method, path, headers={"X-Paydown-Internal": "token"} | headers, **options
                )

        return asyncio.run(ask())


def store_all(engine: Engine, events: Any) -> None:
    with engine.begin() as connection:
        consumers.apply(connection, events)
