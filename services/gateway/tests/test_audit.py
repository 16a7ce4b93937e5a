"""The audit log: what is recorded, and how a changed line is found."""

import asyncio

import httpx
import pytest
from sqlalchemy import text

from libs.common.database.engine import connect
from libs.common.testing.call_keys import GATEWAY_SIGNING_KEYS
from libs.common.web.pagination import write_cursor
from services.gateway import app
from services.gateway.settings import GatewaySettings
from services.gateway.store import audit
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH, TOKEN, Fake
from services.gateway.tests.route_samples import (
    DIGEST,
)

pytestmark = pytest.mark.database


def test_an_unsafe_call_is_recorded_before_and_after_and_reading_is_not(
    gateway: Gateway,
) -> None:
    gateway.ingest.will_answer("POST", "/batches", {"batch_id": BATCH, "status": "receiving"}, 202)
    gateway.call(
        "POST",
        "/batches?filename=Ida%20Li.xml",
        "preparer",
        content=b"<root/>",
        headers={"X-Request-Id": "mine"},
    )
    gateway.call("POST", f"/batches/{BATCH}/approve", "auditor", json={"digest": DIGEST})
    gateway.call("GET", "/batches", "auditor")
    assert gateway.audit_lines() == [
        ("intent", "demo-preparer", "/api/v1/batches", None),
        ("outcome", "demo-preparer", "/api/v1/batches", 202),
        ("refused", "demo-auditor", f"/api/v1/batches/{BATCH}/approve", 403),
    ]
    page = gateway.call("GET", f"/audit?q={BATCH}").json()
    assert (
        page["verified"],
        page["total"],
        page["items"][-1]["request_id"],
        page["items"][-1]["subject"],
    ) == (True, 2, "mine", BATCH)


def test_the_audit_log_has_pages_and_a_changed_line_is_found(gateway: Gateway) -> None:
    for _ in range(3):
        gateway.call("POST", f"/batches/{BATCH}/pause", "approver", json={})
    first = gateway.call("GET", "/audit?limit=4").json()
    second = gateway.call("GET", f"/audit?limit=4&cursor={first['next']}").json()
    assert [line["seq"] for line in first["items"] + second["items"]] == [6, 5, 4, 3, 2, 1]
    assert second["next"] is None
    with gateway.engine.begin() as connection:
        for statement in (
            "UPDATE audit SET person = 'x' WHERE seq = 3",
            "DELETE FROM audit WHERE seq = 3",
            "TRUNCATE audit",
        ):
            with pytest.raises(Exception, match="only grows"), connection.begin_nested():
                connection.execute(text(statement))
    with gateway.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE audit SET person = 'demo-admin' WHERE seq = 3"))
        connection.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))
    found = gateway.call("GET", "/audit").json()
    assert (found["verified"], found["first_broken"]) == (False, 3)


@pytest.mark.parametrize("path", ["/audit", "/tokens"])
def test_a_cursor_of_another_list_is_refused(gateway: Gateway, path: str) -> None:
    order = {"/audit": "audit:-seq", "/tokens": "tokens:-seq"}
    other = order["/tokens" if path == "/audit" else "/audit"]
    for cursor in (
        "7",
        "nonsense!",
        write_cursor(other, 7),
        write_cursor(order[path], "7"),
        write_cursor(order[path], 0),
        write_cursor(order[path], 2**63),
        write_cursor(order[path], 7, 7),
    ):
        answer = gateway.call("GET", f"{path}?cursor={cursor}", "admin")
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor.invalid"), cursor
    last = write_cursor(order[path], 2**63 - 1)
    assert gateway.call("GET", f"{path}?cursor={last}", "admin").status_code == 200


def test_many_at_once_make_one_chain(gateway: Gateway) -> None:
    async def work(client: httpx.AsyncClient) -> None:
        headers = {"Authorization": "Bearer demo-approver"}
        await asyncio.gather(
            *(
                client.post(f"/api/v1/batches/{BATCH}/pause", json={}, headers=headers)
                for _ in range(30)
            )
        )

    gateway.run(work)
    assert len(gateway.audit_lines()) == 60
    with gateway.engine.connect() as connection:
        assert audit.first_broken_line(connection) is None


def test_what_cannot_be_recorded_is_not_done() -> None:
    fake = Fake("ingest")
    settings = GatewaySettings(
        database_url="postgresql+psycopg2://nobody@127.0.0.1:1/none",
        internal_token=TOKEN,
        signing_keys=GATEWAY_SIGNING_KEYS,
    )
    built = app.build(settings, {name: fake.client() for name in app.SERVICES})
    answer = Gateway(built.app(), connect(settings.database_url, "test"), {}).call(
        "POST", f"/batches/{BATCH}/approve", "approver", json={"digest": DIGEST}
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "audit.away")
    assert not fake.calls
