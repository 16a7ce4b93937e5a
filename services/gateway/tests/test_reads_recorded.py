"""Who has read or exported personal data, and from which address every call came."""

import pytest
from sqlalchemy import text

from libs.common.database.engine import connect
from libs.common.testing.call_keys import GATEWAY_SIGNING_KEYS
from services.gateway import app
from services.gateway.settings import GatewaySettings
from services.gateway.store import audit
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH, PAYMENT, TOKEN, Fake

pytestmark = pytest.mark.database

ROWS = f"/api/v1/batches/{BATCH}/rows"
EMPTY_PAGE: dict[str, object] = {"items": [], "next": None, "total": 0}


def test_reading_rows_is_recorded_once_for_ten_minutes_of_pages(gateway: Gateway) -> None:
    gateway.ingest.will_answer("GET", f"/batches/{BATCH}/rows", EMPTY_PAGE)
    for who in ("auditor", "preparer", "auditor"):
        assert gateway.call("GET", f"/batches/{BATCH}/rows?q=Ida", who).status_code == 200
    gateway.call("GET", "/batches", "auditor")  # has no personal data
    assert gateway.audit_lines() == [
        ("outcome", "demo-auditor", ROWS, 200),
        ("outcome", "demo-preparer", ROWS, 200),
    ]


@pytest.mark.parametrize(
    ("name", "role"), [("reports/payments.csv", "auditor"), ("refused-rows.xml", "preparer")]
)
def test_every_export_is_recorded(gateway: Gateway, name: str, role: str) -> None:
    path = f"/batches/{BATCH}/{name}"
    gateway.reports.will_answer("GET", path, {})
    gateway.ingest.will_answer("GET", path, {})
    for _ in range(2):
        assert gateway.call("GET", path, role).status_code == 200
    assert gateway.audit_lines() == [("outcome", f"demo-{role}", f"/api/v1{path}", 200)] * 2


def test_a_refused_read_shows_nothing_and_is_not_recorded(gateway: Gateway) -> None:
    gateway.ingest.will_answer("GET", f"/batches/{BATCH}/rows", {"code": "batch.unknown"}, 404)
    assert gateway.call("GET", f"/batches/{BATCH}/rows", "auditor").status_code == 404
    assert gateway.audit_lines() == []


def test_personal_data_is_not_shown_when_that_cannot_be_recorded() -> None:
    fakes = {name: Fake(name) for name in app.SERVICES}
    fakes["ingest"].will_answer("GET", f"/batches/{BATCH}/rows", EMPTY_PAGE)
    settings = GatewaySettings(
        database_url="postgresql+psycopg2://nobody@127.0.0.1:1/none",
        internal_token=TOKEN,
        signing_keys=GATEWAY_SIGNING_KEYS,
    )
    built = app.build(settings, {name: fake.client() for name, fake in fakes.items()})
    gateway = Gateway(built.app(), connect(settings.database_url, "test"), {})
    answer = gateway.call("GET", f"/batches/{BATCH}/rows", "auditor")
    assert (answer.status_code, answer.json()["code"]) == (503, "audit.away")


def test_every_line_has_the_address_and_the_chain_covers_it(gateway: Gateway) -> None:
    gateway.call("POST", f"/batches/{BATCH}/pause", "auditor", json={})
    gateway.call("GET", f"/payments/{PAYMENT}", None, headers={"Authorization": "Bearer guess"})
    page = gateway.call("GET", "/audit").json()
    assert [line["address"] for line in page["items"]] == ["127.0.0.1", "127.0.0.1"]
    assert page["verified"]
    with gateway.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE audit SET address = '203.0.113.9' WHERE seq = 1"))
        connection.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))
    with gateway.engine.connect() as connection:
        assert audit.first_broken_line(connection) == 1
