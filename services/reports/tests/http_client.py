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
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(self.app), base_url="http://reports"
            ) as client:
                return await client.get(
                    path, params=params, headers={"X-Paydown-Internal": "token"} | (headers or {})
                )

        return asyncio.run(ask())


def store_all(engine: Engine, events: Any) -> None:
    with engine.begin() as connection:
        consumers.apply(connection, events)
