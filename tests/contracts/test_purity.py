"""Rules and handlers are pure: the same input gives the same result, on every machine and day."""

import pytest

from devtools import paths
from tests.contracts.purity import own_pure_modules, pure_files, violations
from tests.contracts.source_rules import SERVICES, relative

FILES = [path for service in SERVICES for path in pure_files(service)]
BAD = {
    "clock": [
        "import time\nAT = time.time()",
        "from time import monotonic",
        "from datetime import datetime\nAT = datetime.now()",
        "from datetime import datetime as moment, UTC\nread = moment.now",
        "import datetime\nAT = datetime.datetime.utcnow()",
        "from datetime import date\nDAY = date.today()",
    ],
    "chance": [
        "import random",
        "from secrets import token_hex",
        "from uuid import uuid4",
        "from uuid import uuid1 as new_id",
        "import uuid\nID = uuid.uuid4()",
        "from uuid import *",
        "def f():\n    from random import random",
    ],
    "environment": [
        "import os",
        "from os import environ",
        "import sys",
        "import platform",
        "def f(system):\n    return system.environ['HOME']",
    ],
    "file": [
        "TEXT = open('x').read()",
        "read = open",
        "from pathlib import Path",
        "def f(path):\n    return path.read_text()",
        "import tempfile",
        "import io",
        "from hashlib import file_digest",
        "print('x')",
    ],
    "network": [
        "import socket",
        "import urllib.request",
        "from http.client import HTTPConnection",
        "import httpx",
        "import asyncio",
        "import subprocess",
        "from confluent_kafka import Producer",
    ],
    "database": [
        "import sqlalchemy",
        "from sqlalchemy import Connection",
        "import psycopg2",
        "import sqlite3",
        "from libs.common.database.engine import run",
        "from libs.common.database import engine",
        "from services.ingest import store",
        "from services.ingest.store import batches",
    ],
    "what is not a service's own": [
        "from services.ledger import domain",
        "from services.ingest import routes",
        "from services.ingest.roster import xml_parser",
        "from libs.common.observability import tracing",
        "from libs.common import web",
        "from . import store",
    ],
    "a way around": [
        "import importlib",
        "MODULE = __import__('time')",
        "VALUE = eval('1')",
        "def f(function):\n    return function.__globals__",
    ],
}
CASES = [(kind, source) for kind, sources in BAD.items() for source in sources]
GOOD = """
import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from libs.common.contracts import topics
from libs.common.contracts.events.payments import PaymentChanged
from services.ingest import domain
from services.ingest.domain import Batch
from services.ingest.roster.row_rules import Row


def due(now: datetime, ids: Iterable[UUID]) -> str:
    return json.dumps([str(now + timedelta(days=1)), *(str(uuid5(one, "x")) for one in ids)])
"""


@pytest.mark.parametrize("service", SERVICES)
def test_rules_and_handlers_are_pure(service: str) -> None:
    found = {
        (relative(path), violation.what)
        for path in pure_files(service)
        for violation in violations(path.read_text(), own_pure_modules(service))
    }
    assert found == set()


def test_contracts_are_pure_but_for_pydantic() -> None:
    files = sorted((paths.ROOT / "libs/common/contracts").rglob("*.py"))
    assert len(files) > 10
    found = {one.what for path in files for one in violations(path.read_text())}
    assert {what for what in found if not what.startswith("import pydantic.")} == set()


def test_every_service_has_pure_rules() -> None:
    assert len(FILES) >= 2 * len(SERVICES) - 1  # the gateway handles no messages
    for service in SERVICES:
        assert any("domain" in path.as_posix() for path in pure_files(service)), service


@pytest.mark.parametrize(("kind", "source"), CASES)
def test_each_kind_of_impurity_is_found(kind: str, source: str) -> None:
    assert violations(source, own_pure_modules("ingest")), kind


def test_what_is_pure_is_accepted() -> None:
    assert violations(GOOD, own_pure_modules("ingest")) == []
