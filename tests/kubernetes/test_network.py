"""Who may reach whom is who really does; only two services can be reached from outside."""

from typing import Any

import pytest
import yaml

from devtools import kubernetes_manifests, paths
from devtools.kubernetes_manifests import OVERLAYS
from devtools.stack.ports import DEFAULTS
from services import catalog
from services.catalog import NAMES
from tests.kubernetes.rendered import RENDERED, of

OURS = {*NAMES, "migrate", "databases", "topics", "simulator"}
SERVERS = {
    "local": ("postgres", "kafka", 19092),
    "production": ("paydown-postgres", "paydown", 9093),
}
Call = tuple[str, str, int]


def selected(selector: dict[str, Any]) -> set[str]:
    """The names of the pods that a selector matches."""
    if not selector or selector.get("matchLabels") == {"app.kubernetes.io/part-of": "paydown"}:
        return set(OURS)
    if "app.kubernetes.io/name" in selector.get("matchLabels", {}):
        return {selector["matchLabels"]["app.kubernetes.io/name"]}
    if "matchLabels" in selector:
        return {next(iter(selector["matchLabels"].values()))}
    (expression,) = selector["matchExpressions"]
    assert (expression["key"], expression["operator"]) == ("app.kubernetes.io/name", "In")
    return set(expression["values"])


def calls(overlay: str, direction: str, side: str) -> set[Call]:
    """(caller, called, port) of what the policies allow between pods of this namespace."""
    found = set()
    for policy in of(overlay, "NetworkPolicy").values():
        for rule in policy["spec"].get(direction, []):
            for peer in rule[side]:
                if set(peer) == {"podSelector"}:
                    pairs = [
                        (one, other)
                        for one in selected(policy["spec"]["podSelector"])
                        for other in selected(peer["podSelector"])
                    ]
                    found |= {
                        (*(pair if side == "to" else pair[::-1]), port["port"])
                        for pair in pairs
                        for port in rule["ports"]
                    }
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_who_may_leave_for_whom_is_who_really_calls(overlay: str) -> None:
    postgres, kafka, kafka_port = SERVERS[overlay]
    wanted: set[Call] = {
        ("gateway", service.name, service.port)
        for service in catalog.SERVICES
        if service.name != "gateway"
    }
    wanted |= {(name, postgres, 5432) for name in (*NAMES, "migrate", "databases")}
    wanted |= {(name, kafka, kafka_port) for name in catalog.ON_KAFKA}
    if overlay == "local":
        wanted |= {
            ("topics", kafka, kafka_port),
            ("dispatcher", "simulator", DEFAULTS["simulator"]),
            ("simulator", "webhooks", DEFAULTS["webhooks"]),
        }
    assert calls(overlay, "egress", "to") == wanted
    arriving = {call for call in calls(overlay, "ingress", "from") if call[0] in OURS}
    # Strimzi writes the policy of its listener itself
    by_strimzi = {call for call in wanted if overlay == "production" and call[1] == kafka}
    assert arriving == wanted - by_strimzi


def test_strimzi_lets_the_services_on_kafka_in_and_nobody_else() -> None:
    (listener,) = of("production", "Kafka")["paydown"]["spec"]["kafka"]["listeners"]
    (peer,) = listener["networkPolicyPeers"]
    assert selected(peer["podSelector"]) == set(catalog.ON_KAFKA)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_open_by_default_and_only_two_are_open_to_the_outside(overlay: str) -> None:
    policies = of(overlay, "NetworkPolicy")
    assert policies["deny-ingress"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    assert policies["deny-egress"]["spec"] == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "paydown"}},
        "policyTypes": ["Egress"],
    }
    for r in RENDERED[overlay]:
        assert r["kind"] != "Service" or r["spec"].get("type", "ClusterIP") == "ClusterIP"
    outside = {
        name
        for policy in policies.values()
        for rule in policy["spec"].get("ingress", [])
        for peer in rule["from"]
        if peer.get("namespaceSelector", {}).get("matchLabels") == {"paydown/front-door": "yes"}
        for name in selected(policy["spec"]["podSelector"])
    }
    leaving = {
        (name, port["port"])
        for policy in policies.values()
        for rule in policy["spec"].get("egress", [])
        for peer in rule["to"]
        if "ipBlock" in peer
        for name in selected(policy["spec"]["podSelector"])
        for port in rule["ports"]
    }
    assert (outside, leaving) == (
        (
            {"gateway", "webhooks"},
            # 443 also to the receivers of notifications, 465 and 587 to a mail server
            {("dispatcher", 443), *(("gateway", port) for port in (443, 465, 587))},
        )
        if overlay == "production"
        else (set(), set())
    )


def test_the_outside_reaches_one_route_of_webhooks() -> None:
    (rule,) = of("production", "Ingress")["webhooks"]["spec"]["rules"]
    assert [(path["path"], path["pathType"]) for path in rule["http"]["paths"]] == [
        ("/webhooks/method", "Exact")
    ]


def test_the_ingress_lets_a_roster_of_100_mb_through_and_holds_no_event_back() -> None:
    found = of("production", "Ingress")["gateway"]["metadata"]["annotations"]
    prefix = "nginx.ingress.kubernetes.io/proxy"
    assert int(found[f"{prefix}-body-size"].removesuffix("m")) * 1_000_000 > 100 << 20
    assert (found[f"{prefix}-request-buffering"], found[f"{prefix}-buffering"]) == ("off", "off")
    assert int(found[f"{prefix}-read-timeout"]) >= 60


def test_prometheus_finds_each_service_by_its_label_and_port_and_is_let_in() -> None:
    ports = {
        name: kubernetes_manifests.containers(pod)[0]["ports"][0]["containerPort"]
        for name, pod in of("production", "Deployment").items()
    }
    jobs = yaml.safe_load((paths.ROOT / "deploy" / "prometheus" / "kubernetes.yml").read_text())[
        "scrape_configs"
    ]
    assert {job["relabel_configs"][0]["regex"] for job in jobs} == {
        f"{name};{port};Running" for name, port in ports.items()
    }
    (rule,) = of("production", "NetworkPolicy")["metrics"]["spec"]["ingress"]
    assert rule["from"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
        }
    ]
    open_to_it = {
        port
        for one in rule["ports"]
        for port in range(one["port"], one.get("endPort", one["port"]) + 1)
    }
    assert open_to_it == set(ports.values())
