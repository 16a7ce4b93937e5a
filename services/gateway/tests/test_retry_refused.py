"""Asking the provider again about what it refused: at once, and the preview is checked again."""

import json

import pytest

from services.gateway.tests import route_samples
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH

pytestmark = pytest.mark.database
PATH = f"/batches/{BATCH}/retry-refused"


@pytest.mark.parametrize("who", ["preparer", "approver"])
def test_it_is_tried_first_and_then_the_batch_is_checked_again(gateway: Gateway, who: str) -> None:
    route_samples.prepare(gateway)
    answer = gateway.call("POST", PATH, who, json={"reason": "mended"})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "batch_id": BATCH,
            "status": "checking",
            "retried": 2,
            "exhausted": 1,
            "message": "Two are tried.",
        },
    )
    assert json.loads(gateway.dispatcher.bodies[-1]) == {"reason": "mended"}


def test_it_needs_a_reason(gateway: Gateway) -> None:
    route_samples.prepare(gateway)
    assert gateway.call("POST", PATH, "preparer", json={"reason": ""}).status_code == 422


def test_a_batch_that_was_not_tried_is_not_checked_again(gateway: Gateway) -> None:
    route_samples.prepare(gateway)
    gateway.dispatcher.will_answer("POST", f"/batches/{BATCH}/refused-objects/retry", {}, 404)
    assert gateway.call("POST", PATH, "preparer", json={"reason": "r"}).status_code == 404
    assert not [path for _, path in gateway.ingest.calls if path.endswith("check-again")]
