"""What the routes of reports work with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from libs.common.crypto.field_encryption import FieldCipher
from services.reports.domain.freshness import Freshness

ReadLiveView = Callable[[Connection, UUID], dict[str, Any] | None]


@dataclass(frozen=True)
class Context:
    """The parts that the routes need; `app.py` builds them."""

    engine: Engine
    token: str
    cipher: FieldCipher
    certificate_wait_s: float
    read_live_view: ReadLiveView  # a snapshot of a batch; None while the view is not up to date
    read_freshness: Callable[[], Freshness] = lambda: Freshness({}, 0.0, 0.0)
