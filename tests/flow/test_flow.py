"""A roster in, balanced books and reports out: once calmly, once with processes killed and the provider at its worst; then the two are compared."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

import httpx
import pytest

from devtools import sample_roster
from devtools.stack.ports import HOST
from tests.flow.system import (
    SERVICES,
    System,
    comparable,
    eventually,
    paid_exactly_once,
    paid_under_kills,
    reports_agree,
    running,
)
from tests.observability import watched
from tests.observability.collector import Collector, Seen, collecting

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]
ROWS, SEED = 400, 11
#: What a span may say. A new name is looked at for whether it could hold a person, a number or a text.
ATTRIBUTES = {
    "error.type",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "messaging.batch.message_count",
    "messaging.consumer.group.name",
    "messaging.destination.name",
    "messaging.operation.name",
    "messaging.operation.type",
    "messaging.system",
    "paydown.attempt",
    "paydown.batch_id",
    "paydown.count",
    "paydown.payment_id",
    "server.address",
}


@pytest.fixture(scope="module")
def xml() -> bytes:
    return sample_roster.make(ROWS, SEED)


@pytest.fixture(scope="module")
def collector() -> Iterator[tuple[str, Collector]]:
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def calm(
    tmp_path_factory: pytest.TempPathFactory, xml: bytes, collector: tuple[str, Collector]
) -> Any:
    """The books and reports of an undisturbed run, whose spans are collected."""
    with running(
        tmp_path_factory.mktemp("calm"), "flow_calm", PAYDOWN_TRACES_URL=collector[0]
    ) as system:
        yield paid(system, xml), system


def paid(system: System, xml: bytes) -> dict[str, Any]:
    """Take a roster to its end; what came of it."""
    batch = system.corrected(system.ready(xml))
    assert not system.book("payments")
    system.approve(batch)
    half_way(system, batch["batch_id"], xml)
    ended = system.wait(batch["batch_id"], {"completed"}, 240)
    return {
        "batch": ended,
        "cents": paid_exactly_once(system, xml),
        "report": reports_agree(system, batch["batch_id"], xml),
    }


def half_way(system: System, batch_id: str, xml: bytes) -> None:
    """While money is under way the three reports agree to the cent as well."""
    eventually(
        lambda: (
            system.batch(batch_id)["payments"]["completed"]
            + system.batch(batch_id)["payments"]["pending"]
            > 5
        ),
        120,
    )
    reports_agree(system, batch_id, xml)


def test_a_calm_run_pays_each_row_once_and_all_reports_agree(calm: Any, xml: bytes) -> None:
    run, system = calm
    batch = run["batch"]
    assert batch["certificate"]
    assert (
        batch["payment_amount_cents"]["completed"]
        == run["cents"]
        == batch["amount_cents"]["payable"]
    )
    assert (
        system.calls()["POST /payments"]
        == batch["payments"]["total"]
        == len(system.book("payments"))
    )
    assert (
        system.get(f"/reconciliation/breaks?batch_id={batch['batch_id']}&status=open").json()[
            "total"
        ]
        == 0
    )


def test_every_figure_that_alerts_and_dashboards_ask_for_is_given_by_a_service(calm: Any) -> None:
    _, system = calm
    ports = dict(system.stack.ports.items())
    given = "\n".join(
        httpx.get(f"http://{HOST}:{ports[name]}/metrics").text
        for name in SERVICES
        if name != "gateway"
    )
    assert watched.missing(set(re.findall(r"^(paydown_[a-z_]+) ", given, re.MULTILINE))) == []
    assert watched.missing(set())  # it does ask


def test_the_ledger_and_the_reports_can_be_built_again_from_the_topics(calm: Any) -> None:
    _, system = calm
    for name in ("ledger", "reports"):
        done = system.rebuild(name)
        assert done.returncode == 0, done.stdout + done.stderr


def test_one_trace_leads_from_the_upload_to_the_journals(
    calm: Any, collector: tuple[str, Collector]
) -> None:
    batch, (_, spans) = calm[0]["batch"], collector
    trace, payments = UUID(batch["batch_id"]).hex, batch["payments"]["total"]
    eventually(lambda: complete(spans.of(trace), payments), 30)
    by_id = {span.span: span for span in spans.of(trace)}
    (upload,) = [span for span in by_id.values() if not span.parent]
    assert (upload.service, upload.name, upload.span) == ("ingest", "POST /batches", trace[:16])
    ways = {way(span, by_id) for span in by_id.values()}
    assert {one for one in ways if one[0] == "ledger post hold"} == {
        (
            "ledger post hold",
            "ledger process approved-payments",
            "ingest send approved-payments",
            "ingest POST /batches",
        )
    }
    assert {one for one in ways if one[0] == "ledger post settle"} == {
        (
            "ledger post settle",
            "ledger process status-events",
            "dispatcher send status-events",
            "ingest POST /batches",
        )
    }
    assert {one[-1] for one in ways} == {"ingest POST /batches"}
    assert {span.service for span in by_id.values()} == {
        "ingest",
        "dispatcher",
        "ledger",
        "reports",
    }
    assert {"read roster", "make ready", "POST /batches/{batch_id}/approve"} <= {
        span.name for span in by_id.values()
    }
    calls = [span for span in by_id.values() if span.name == "POST /payments"]
    assert {str(span.attributes["paydown.payment_id"]) for span in calls} == {
        p["metadata"]["payment_id"] for p in calm[1].book("payments")
    }
    assert {span.attributes["http.response.status_code"] for span in calls} == {200}
    changes = [
        span
        for span in by_id.values()
        if (span.service, span.name) == ("ledger", "process status-events")
    ]
    assert (
        len(changes)
        < sum(int(span.attributes["messaging.batch.message_count"]) for span in changes)
        >= 3 * payments
    )  # one a turn, not one a message
    assert {name for span in spans.spans() for name in span.attributes} <= ATTRIBUTES


def test_who_uploads_finds_the_batch_from_their_own_trace(
    calm: Any, collector: tuple[str, Collector]
) -> None:
    system, (_, spans) = calm[1], collector
    answer = httpx.post(
        f"{system.api}/batches",
        content=sample_roster.make(5, 3),
        params={"filename": "traced.xml"},
        timeout=60,
        headers={
            "Authorization": "Bearer demo-preparer",
            "traceparent": f"00-{'c' * 32}-{'d' * 16}-01",
        },
    )
    trace = UUID(answer.json()["batch_id"]).hex
    eventually(lambda: spans.of("c" * 32) and any(not span.parent for span in spans.of(trace)), 30)
    (asked,) = spans.of("c" * 32)
    (upload,) = [span for span in spans.of(trace) if not span.parent]
    assert (asked.service, asked.name, asked.parent) == (
        "gateway",
        "POST /api/v1/batches",
        "d" * 16,
    )
    assert asked.links == ((trace, upload.span),)
    assert upload.links == ((asked.trace, asked.span),)


def complete(spans: Iterable[Seen], payments: int) -> bool:
    """Whether a trace is all here: each payment's two journals, and every parent. The services send every few seconds, each for itself."""
    found = Counter[str]()
    for span in spans:
        found[span.name] += int(span.attributes.get("paydown.count", 0))
    ids = {span.span for span in spans}
    return found["post hold"] == found["post settle"] == payments and all(
        span.parent in ids for span in spans if span.parent
    )


def way(span: Seen, by_id: dict[str, Seen]) -> tuple[str, ...]:
    """A span and what led to it, back to the first."""
    here = f"{span.service} {span.name}"
    return (here, *way(by_id[span.parent], by_id)) if span.parent else (here,)


def test_no_clear_number_lies_on_a_topic_in_a_log_or_in_a_span(
    calm: Any, xml: bytes, collector: tuple[str, Collector]
) -> None:
    _, system = calm
    rows = list(ET.fromstring(xml))[:40]
    canaries = {
        row.findtext(path) or "?"
        for row in rows
        for path in ("Payee/LoanAccountNumber", "Payor/AccountNumber", "Employee/PhoneNumber")
    }
    kafka = [f for f in system.stack.state.rglob("*.log") if f.stat().st_size]
    assert kafka
    for file in kafka:
        content = file.read_bytes()
        for canary in canaries:
            assert canary.encode() not in content, file.name
    for body in collector[1].bodies:
        assert not [canary for canary in canaries if canary.encode() in body]


def test_a_run_without_webhooks_ends_the_same(calm: Any, xml: bytes) -> None:
    _, system = calm
    system.simulate("webhooks", {"mode": "off"})
    other = xml.replace(b"</row>", b"</row>\n")
    batch = system.corrected(system.ready(other, period="2027-01-15"))
    system.approve(batch)
    ended = system.wait(batch["batch_id"], {"completed"}, 240)
    assert ended["payments"]["completed"] == ended["payments"]["total"] > 0
    per = Counter(p["metadata"]["payment_id"] for p in system.book("payments"))
    assert max(per.values()) == 1


def test_killed_processes_and_lost_answers_change_nothing(
    calm: Any, xml: bytes, tmp_path: Path
) -> None:
    with running(tmp_path, "flow_kills") as system:
        run = paid_under_kills(system, xml, seed=5)
    assert sum(run["killed"].values()) >= 5, run["killed"]
    assert run["cents"] == calm[0]["cents"]
    assert comparable(run["report"]) == comparable(calm[0]["report"])
    assert run["batch"]["payments"] == calm[0]["batch"]["payments"]
