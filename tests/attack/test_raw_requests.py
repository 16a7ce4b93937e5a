"""Requests that no HTTP library sends, to the gateway as uvicorn serves it with our protocol."""

from collections.abc import Iterator
from typing import Any

import pytest

from devtools.attack.floods import endless_body
from devtools.attack.raw_requests import raw_tries
from devtools.attack.tries import HELD, carry_out_all
from libs.common.testing.http_server import HOST, served
from tests.gateway_api.harness import build

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def address(
    make_database: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, int]]:
    web = build(make_database, tmp_path_factory.mktemp("files"), calls_per_min=1_000_000).web
    with served(web) as port:
        yield HOST, port


def test_raw_requests_hold(address: tuple[str, int]) -> None:
    outcomes = carry_out_all(raw_tries(address), lambda _: None)
    assert [one.line() for one in outcomes if one.got_through] == []
    assert len(outcomes) > 50


def test_a_body_without_an_end_is_refused(address: tuple[str, int]) -> None:
    assert endless_body(address) == HELD
