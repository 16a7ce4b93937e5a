"""A roster in, balanced books and reports out, undisturbed and under kills; both runs are equal."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from devtools import sample_roster
from services import catalog
from tests.flow.checks import comparable, paid_exactly_once, reports_agree
from tests.flow.harness import System, eventually, running
from tests.flow.kills import paid_under_kills
from tests.flow.log_lines import LINES_A_DAY_MAX, kind_of, lines_a_day
from tests.observability import watched
from tests.observability.collector import CollectedSpan, Collector, collecting

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]
ROWS, SEED = 400, 11
#: The attributes a span may have. A new one must not hold a person, a number or free text.
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
    """What came of an undisturbed run, and its system; its spans are collected."""
    with running(
        tmp_path_factory.mktemp("calm"), "flow_calm", PAYDOWN_TRACES_URL=collector[0]
    ) as system:
        yield paid(system, xml), system


def paid(system: System, xml: bytes) -> dict[str, Any]:
    """Pay a roster to its end, and check what the provider has."""
    batch = system.corrected(system.ready(xml))
    assert not system.provider_records("payments")
    system.approve(batch)
    check_reports_half_way(system, batch["batch_id"], xml)
    ended = system.wait(batch["batch_id"], {"completed"}, 240)
    return {
        "batch": ended,
        "cents": paid_exactly_once(system, xml),
        "report": reports_agree(system, batch["batch_id"], xml),
    }


def check_reports_half_way(system: System, batch_id: str, xml: bytes) -> None:
    """While payments are pending the three reports agree to the cent as well."""

    def has_begun() -> bool:
        counts = system.batch(batch_id)["payments"]
        return int(counts["completed"]) + int(counts["pending"]) > 5

    eventually(has_begun, 120)
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
        system.provider_calls()["POST /payments"]
        == batch["payments"]["total"]
        == len(system.provider_records("payments"))
    )
    open_breaks = f"/reconciliation/breaks?batch_id={batch['batch_id']}&status=open"
    assert system.get(open_breaks).json()["total"] == 0


def test_every_metric_that_alerts_and_dashboards_query_is_exposed_by_a_service(calm: Any) -> None:
    _, system = calm
    exposed = "\n".join(
        httpx.get(f"{system.stack.ports.url(name)}/metrics").text for name in catalog.NAMES
    )
    assert (
        watched.missing(set(re.findall(r"^# TYPE (paydown_[a-z_]+) ", exposed, re.MULTILINE))) == []
    )
    assert watched.missing(set())  # there are queries


def test_the_ledger_and_the_reports_can_be_built_again_from_the_topics(calm: Any) -> None:
    _, system = calm
    for name in ("ledger", "reports"):
        system.rebuild(name)


def test_one_trace_leads_from_the_upload_to_the_journals(
    calm: Any, collector: tuple[str, Collector]
) -> None:
    batch, (_, spans) = calm[0]["batch"], collector
    trace, payments = UUID(batch["batch_id"]).hex, batch["payments"]["total"]
    eventually(lambda: complete(spans.of(trace), payments), 30)
    by_id = {span.span: span for span in spans.of(trace)}
    (upload,) = [span for span in by_id.values() if not span.parent]
    assert (upload.service, upload.name, upload.span) == ("ingest", "POST /batches", trace[:16])
    paths = {path_to(span, by_id) for span in by_id.values()}
    assert {one for one in paths if one[0] == "ledger post hold"} == {
        (
            "ledger post hold",
            "ledger process approved-payments",
            "ingest send approved-payments",
            "ingest POST /batches",
        )
    }
    assert {one for one in paths if one[0] == "ledger post settle"} == {
        (
            "ledger post settle",
            "ledger process status-events",
            "dispatcher send status-events",
            "ingest POST /batches",
        )
    }
    assert {one[-1] for one in paths} == {"ingest POST /batches"}
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
        p["metadata"]["payment_id"] for p in calm[1].provider_records("payments")
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
    )  # one for each batch of messages, not one for each message
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
    (call,) = spans.of("c" * 32)
    (upload,) = [span for span in spans.of(trace) if not span.parent]
    assert (call.service, call.name, call.parent) == (
        "gateway",
        "POST /api/v1/batches",
        "d" * 16,
    )
    assert call.links == ((trace, upload.span),)
    assert upload.links == ((call.trace, call.span),)


def complete(spans: Iterable[CollectedSpan], payments: int) -> bool:
    """Whether a trace is here as a whole: each payment's two journals, and every parent.

    Each service sends its spans every few seconds.
    """
    found = Counter[str]()
    for span in spans:
        found[span.name] += int(span.attributes.get("paydown.count", 0))
    ids = {span.span for span in spans}
    return found["post hold"] == found["post settle"] == payments and all(
        span.parent in ids for span in spans if span.parent
    )


def path_to(span: CollectedSpan, by_id: dict[str, CollectedSpan]) -> tuple[str, ...]:
    """A span and its parents, back to the first."""
    here = f"{span.service} {span.name}"
    return (here, *path_to(by_id[span.parent], by_id)) if span.parent else (here,)


def test_a_run_without_webhooks_ends_the_same(calm: Any, xml: bytes) -> None:
    _, system = calm
    system.control_simulator("webhooks", {"mode": "off"})
    other = xml.replace(b"</row>", b"</row>\n")
    batch = system.corrected(system.ready(other, period="2027-01-15"))
    system.approve(batch)
    ended = system.wait(batch["batch_id"], {"completed"}, 240)
    assert ended["payments"]["completed"] == ended["payments"]["total"] > 0
    counts = Counter(p["metadata"]["payment_id"] for p in system.provider_records("payments"))
    assert max(counts.values()) == 1


def test_killed_processes_and_lost_answers_change_nothing(
    calm: Any, xml: bytes, tmp_path: Path
) -> None:
    with running(tmp_path, "flow_kills") as system:
        run = paid_under_kills(system, xml, seed=5)
    assert sum(run["killed"].values()) >= 5, run["killed"]
    assert run["cents"] == calm[0]["cents"]
    assert comparable(run["report"]) == comparable(calm[0]["report"])
    assert run["batch"]["payments"] == calm[0]["batch"]["payments"]


def test_a_normal_day_is_under_a_thousand_lines_of_log_for_each_service(calm: Any) -> None:
    _, system = calm  # it has been up for as long as everything above took
    counted, written = {}, {}
    for name in catalog.NAMES:
        lines = system.stack.supervisor.log(name).read_text().splitlines()
        written[name] = Counter(kind_of(json.loads(line)) for line in lines)
        began = datetime.fromisoformat(json.loads(lines[0])["timestamp"])
        run_s = (datetime.now(UTC) - began).total_seconds()
        counted[name] = lines_a_day(lines, run_s)
    assert max(counted.values()) < LINES_A_DAY_MAX, (counted, written)
