"""deploy/kubernetes says what the schemas allow, and agrees with the code: topics, rights, settings, ports, who calls whom."""

import json
import shutil
import subprocess
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from devtools import kubernetes_manifests
from devtools import paths as places
from devtools.kubernetes_manifests import APPLIED, FOLDER, OVERLAYS, Resource
from libs.common.contracts.topics import CONFIG, PARTITIONS, TOPICS, facts_of
from libs.common.messaging.address import KafkaAddress
from libs.common.runtime.settings import FILE, ServiceSettings, Settings
from ops import containers
from ops.errors import CommandError
from services.__main__ import FLOW
from services.dispatcher.settings import DispatcherSettings
from services.gateway.settings import PROVIDER_URL, GatewaySettings, check_sign_in
from services.ingest.settings import IngestSettings
from services.ledger.settings import LedgerSettings
from services.reports.settings import ReportsSettings
from services.webhooks.settings import WebhooksSettings
from simulator.settings import SimulatorSettings
from tests.kubernetes.rendered import READ_BY_LIBPQ, RENDERED, check, environment, of

SETTINGS: dict[str, type[ServiceSettings]] = {
    "ingest": IngestSettings,
    "dispatcher": DispatcherSettings,
    "webhooks": WebhooksSettings,
    "ledger": LedgerSettings,
    "reports": ReportsSettings,
    "gateway": GatewaySettings,
}
OURS = {*FLOW, "migrate", "databases", "topics", "simulator"}
EVERY = [
    pytest.param(name, r, id=f"{name}/{r['kind']}/{r['metadata']['name']}")
    for name, resources in RENDERED.items()
    for r in resources
]


@pytest.mark.parametrize(("overlay", "resource"), EVERY)
def test_each_resource_is_what_its_schema_allows(overlay: str, resource: Resource) -> None:
    check(resource)
    assert resource["kind"] == "Namespace" or resource["metadata"]["namespace"] == "paydown"


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("Deployment", lambda spec: spec.update(replica=2)),
        ("Kafka", lambda spec: spec["kafka"].update(listener=[])),
        ("KafkaUser", lambda spec: spec["authorization"]["acls"][0].update(operations=["Reed"])),
        ("Cluster", lambda spec: spec.update(instances="three")),
        ("ScheduledBackup", lambda spec: spec.pop("cluster")),
        ("ObjectStore", lambda spec: spec["configuration"].update(bucket="x")),
    ],
)
def test_a_misspelt_field_is_refused(kind: str, spoil: Any) -> None:
    copy = json.loads(json.dumps(next(r for r in RENDERED["production"] if r["kind"] == kind)))
    spoil(copy["spec"])
    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
        check(copy)


@pytest.mark.parametrize("overlay", APPLIED)
def test_no_two_resources_have_one_name(overlay: str) -> None:
    names = [(r["kind"], r["metadata"]["name"]) for r in RENDERED[overlay]]
    assert len(names) == len(set(names))


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl to compare with")
@pytest.mark.parametrize("overlay", APPLIED)
def test_kubectl_renders_the_same(overlay: str) -> None:
    said = subprocess.run(
        ["kubectl", "kustomize", str(FOLDER / overlay)], capture_output=True, text=True, check=True
    ).stdout
    theirs = {(r["kind"], r["metadata"]["name"]): r for r in yaml.safe_load_all(said)}
    assert theirs == {(r["kind"], r["metadata"]["name"]): r for r in RENDERED[overlay]}


def test_what_the_renderer_does_not_know_is_refused(tmp_path: Any) -> None:
    (tmp_path / "kustomization.yaml").write_text("namePrefix: x-\n")
    with pytest.raises(CommandError, match="namePrefix"):
        kubernetes_manifests.render(tmp_path)
    (tmp_path / "kustomization.yaml").write_text(
        "patches: [{patch: '[]', target: {kind: Deployment, name: nobody}}]\n"
    )
    with pytest.raises(CommandError, match="fits nothing"):
        kubernetes_manifests.render(tmp_path)


def test_every_topic_is_a_resource_that_keeps_facts_for_ever() -> None:
    made = of("production", "KafkaTopic")
    assert set(made) == {topic.name for topic in TOPICS}
    for topic in made.values():
        spec = topic["spec"]
        assert (spec["partitions"], spec["replicas"]) == (PARTITIONS, 3)
        wanted = {**CONFIG, "min.insync.replicas": "2", "unclean.leader.election.enable": "False"}
        assert {key: str(value) for key, value in spec["config"].items()} == wanted


def test_each_user_of_kafka_may_do_what_the_table_of_topics_says_and_nothing_else() -> None:
    users = {
        name: {
            (acl["resource"]["type"], acl["resource"]["name"], acl["resource"]["patternType"]): set(
                acl["operations"]
            )
            for acl in user["spec"]["authorization"]["acls"]
        }
        for name, user in of("production", "KafkaUser").items()
    }
    wanted: dict[str, dict[tuple[str, str, str], set[str]]] = {}
    for topic in TOPICS:
        own = {"Read"} if topic in facts_of(topic.producer) else set()
        wanted.setdefault(topic.producer, {})["topic", topic.name, "literal"] = {
            "Describe",
            "Write",
            *own,
        }
        for consumer in topic.consumers:
            wanted.setdefault(consumer, {})["topic", topic.name, "literal"] = {"Describe", "Read"}
            wanted[consumer]["group", f"{consumer}.", "prefix"] = {"Read"}
    for projection in ("ledger", "reports"):
        wanted[projection]["group", "rebuild", "literal"] = {"Read"}
    wanted["reports"]["group", "live-", "prefix"] = {"Read", "Delete"}
    assert users == wanted


def test_a_message_is_on_two_brokers_before_it_is_acknowledged() -> None:
    kafka = of("production", "Kafka")["paydown"]["spec"]["kafka"]
    pools = {
        name: (pool["spec"]["replicas"], pool["spec"]["roles"])
        for name, pool in of("production", "KafkaNodePool").items()
    }
    assert pools == {"controllers": (3, ["controller"]), "brokers": (3, ["broker"])}
    config = kafka["config"]
    assert config["min.insync.replicas"] == 2
    assert config["default.replication.factor"] == 3
    assert config["unclean.leader.election.enable"] is False
    assert kafka["authorization"] == {"type": "simple"}
    assert [listener["authentication"]["type"] for listener in kafka["listeners"]] == ["tls"]


def test_a_commit_waits_for_a_second_server_and_backups_reach_back() -> None:
    cluster = of("production", "Cluster")["paydown-postgres"]["spec"]
    assert cluster["instances"] == 3
    assert cluster["postgresql"]["synchronous"] == {
        "method": "any",
        "number": 1,
        "dataDurability": "required",
    }
    (plugin,) = cluster["plugins"]
    assert plugin["isWALArchiver"]
    assert plugin["parameters"]["barmanObjectName"] in of("production", "ObjectStore")
    (backup,) = of("production", "ScheduledBackup").values()
    assert (backup["spec"]["method"], backup["spec"]["cluster"]["name"]) == (
        "plugin",
        "paydown-postgres",
    )


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", FLOW)
def test_the_service_would_start_with_these_settings(
    overlay: str, service: str, tmp_path: Any
) -> None:
    given = environment(of(overlay, "Deployment")[service])
    foreign = {name for name in given if not name.startswith(f"PAYDOWN_{service.upper()}_")}
    assert foreign <= READ_BY_LIBPQ | ({PROVIDER_URL} if service == "gateway" else set())
    secret = tmp_path / "secret"
    secret.write_text(
        "k1:" + "A" * 43 + "=" if any("SEAL_KEYS" in name for name in given) else "s" * 40
    )
    values = {name: str(secret) if name.endswith(FILE) else value for name, value in given.items()}
    settings = SETTINGS[service].read(values)  # an unknown or a missing name is refused here
    assert settings.host == "0.0.0.0"
    if isinstance(settings, GatewaySettings):
        check_sign_in(settings, values)


def test_with_the_component_for_traces_every_service_names_the_collector_and_may_reach_it(
    tmp_path: Any,
) -> None:
    for folder in ("base", "tracing"):
        shutil.copytree(FOLDER / folder, tmp_path / folder)
    (tmp_path / "traced").mkdir()
    (tmp_path / "traced" / "kustomization.yaml").write_text(
        "{namespace: paydown, resources: [../base], components: [../tracing]}"
    )
    rendered = kubernetes_manifests.render(tmp_path / "traced")
    urls = {
        r["metadata"]["name"]: environment(r).get(
            f"PAYDOWN_{r['metadata']['name'].upper()}_TRACES_URL"
        )
        for r in rendered
        if r["kind"] == "Deployment"
    }
    assert urls == dict.fromkeys(FLOW, "http://otel-collector.monitoring:4318")
    assert all("traces_url" in SETTINGS[name].model_fields for name in FLOW)
    (policy,) = [r for r in rendered if r["metadata"]["name"] == "to-collector"]
    assert policy["metadata"]["namespace"] == "paydown"
    assert peers(policy["spec"]["podSelector"]) == set(FLOW)
    assert policy["spec"]["egress"][0]["ports"] == [{"protocol": "TCP", "port": 4318}]
    for resource in rendered:
        check(resource)


def test_a_misspelt_setting_is_found() -> None:
    given = environment(of("production", "Deployment")["ledger"]) | {"PAYDOWN_LEDGER_KAFKAA": "x:1"}
    with pytest.raises(Exception, match="PAYDOWN_LEDGER_KAFKAA"):
        LedgerSettings.read(
            {name: value for name, value in given.items() if not name.endswith(FILE)}
        )


def test_the_simulator_is_in_the_local_overlay_alone() -> None:
    assert "simulator" not in of("production", "Deployment")
    given = environment(of("local", "Deployment")["simulator"])
    assert issubclass(SimulatorSettings, Settings)
    assert SimulatorSettings.read(given).host == "0.0.0.0"
    assert not any(
        "simulator" in value
        for r in RENDERED["production"]
        if kubernetes_manifests.containers(r)
        for value in environment(r).values()
    )


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_jobs_run_commands_there_are_with_the_names_they_read(overlay: str) -> None:
    jobs = {
        name: kubernetes_manifests.containers(job)[0]["args"]
        for name, job in of(overlay, "Job").items()
    }
    wanted = {
        "databases": ["python", "-m", "ops.containers", "databases"],
        "migrate": ["python", "-m", "services", "migrate"],
    }
    assert jobs == wanted | (
        {"topics": ["python", "-m", "services", "topics"]} if overlay == "local" else {}
    )
    assert set(environment(of(overlay, "Job")["migrate"])) - READ_BY_LIBPQ == {
        f"PAYDOWN_{name.upper()}_OWNER_URL{FILE}" for name in FLOW
    }
    assert set(environment(of(overlay, "Job")["databases"])) - READ_BY_LIBPQ == {
        "DATABASE_URL_FILE",
        "DATABASE_SECRET_FILE",
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_secret_file_named_is_one_that_is_made(overlay: str, tmp_path: Any) -> None:
    assert containers.secrets(tmp_path) == 0
    by_hand = {"oidc_client_secret"}
    for name in (*FLOW, "migrate", "databases"):
        resource = (of(overlay, "Deployment") | of(overlay, "Job"))[name]
        files = {
            value.removeprefix("/run/secrets/")
            for key, value in environment(resource).items()
            if key.endswith(FILE)
        }
        assert files - by_hand <= {path.name for path in (tmp_path / name).iterdir()}
        mounted = {
            v["name"]: v["secret"]["secretName"]
            for v in resource["spec"]["template"]["spec"]["volumes"]
            if "secret" in v
        }
        assert mounted["secrets"] == f"paydown-{name}"


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", FLOW)
def test_probes_and_services_use_paths_and_ports_there_are(overlay: str, service: str) -> None:
    (container,) = kubernetes_manifests.containers(of(overlay, "Deployment")[service])
    port = SETTINGS[service].model_fields["port"].default
    assert container["ports"] == [{"name": "http", "containerPort": port}]
    assert {
        kind: container[kind]["httpGet"]
        for kind in ("startupProbe", "livenessProbe", "readinessProbe")
    } == {
        "startupProbe": {"path": "/health/live", "port": "http"},
        "livenessProbe": {"path": "/health/live", "port": "http"},
        "readinessProbe": {"path": "/health/ready", "port": "http"},
    }
    assert of(overlay, "Service")[service]["spec"]["ports"] == [
        {"name": "http", "port": port, "targetPort": "http"}
    ]
    assert service in of(overlay, "PodDisruptionBudget")


@pytest.mark.parametrize("overlay", APPLIED)
def test_no_pod_of_ours_may_do_more_than_it_must(overlay: str) -> None:
    pods = [r for r in RENDERED[overlay] if kubernetes_manifests.containers(r)]
    assert {r["metadata"]["name"] for r in pods} >= (
        {"hold"} if overlay == "recovery" else {*FLOW, "migrate", "databases"}
    )
    for resource in pods:
        pod = resource["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in kubernetes_manifests.containers(resource):
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert (
                container["securityContext"].get("readOnlyRootFilesystem")
                or resource["metadata"]["name"] == "kafka"
            )
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"]["cpu"]


def peers(selector: dict[str, Any]) -> set[str]:
    """Which of our pods a selector means."""
    if not selector or selector.get("matchLabels") == {"app.kubernetes.io/part-of": "paydown"}:
        return set(OURS)
    if "app.kubernetes.io/name" in selector.get("matchLabels", {}):
        return {selector["matchLabels"]["app.kubernetes.io/name"]}
    if "matchLabels" in selector:
        return {next(iter(selector["matchLabels"].values()))}
    (expression,) = selector["matchExpressions"]
    assert (expression["key"], expression["operator"]) == ("app.kubernetes.io/name", "In")
    return set(expression["values"])


def calls(overlay: str, direction: str, side: str) -> set[tuple[str, str, int]]:
    """(who, whom, port) of what the policies allow between pods of this namespace."""
    found = set()
    for policy in of(overlay, "NetworkPolicy").values():
        for rule in policy["spec"].get(direction, []):
            for peer in rule[side]:
                if set(peer) == {"podSelector"}:
                    pairs = [
                        (one, other)
                        for one in peers(policy["spec"]["podSelector"])
                        for other in peers(peer["podSelector"])
                    ]
                    found |= {
                        (*(pair if side == "to" else pair[::-1]), port["port"])
                        for pair in pairs
                        for port in rule["ports"]
                    }
    return found


STORES = {
    "local": ("postgres", "kafka", 19092),
    "production": ("paydown-postgres", "paydown", 9093),
}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_who_may_leave_for_whom_is_who_really_calls(overlay: str) -> None:
    postgres, kafka, kafka_port = STORES[overlay]
    on_kafka = {topic.producer for topic in TOPICS} | {
        name for topic in TOPICS for name in topic.consumers
    }
    wanted = {
        ("gateway", name, SETTINGS[name].model_fields["port"].default)
        for name in FLOW
        if name != "gateway"
    }
    wanted |= {(name, postgres, 5432) for name in (*FLOW, "migrate", "databases")} | {
        (name, kafka, kafka_port) for name in on_kafka
    }
    if overlay == "local":
        wanted |= {
            ("topics", kafka, kafka_port),
            ("dispatcher", "simulator", 8200),
            ("simulator", "webhooks", 8103),
        }
    assert calls(overlay, "egress", "to") == wanted
    arriving = {call for call in calls(overlay, "ingress", "from") if call[0] in OURS}
    strimzis = {
        call for call in wanted if overlay == "production" and call[1] == kafka
    }  # it writes the policy of its listener itself
    assert arriving == wanted - strimzis


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_open_by_default_and_only_two_are_open_to_the_outside(overlay: str) -> None:
    policies = of(overlay, "NetworkPolicy")
    assert policies["nobody-in"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    assert policies["nobody-out"]["spec"] == {
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
        for name in peers(policy["spec"]["podSelector"])
    }
    leaving = {
        name
        for policy in policies.values()
        for rule in policy["spec"].get("egress", [])
        for peer in rule["to"]
        if "ipBlock" in peer
        for name in peers(policy["spec"]["podSelector"])
    }
    assert (outside, leaving) == (
        ({"gateway", "webhooks"}, {"gateway", "dispatcher"})
        if overlay == "production"
        else (set(), set())
    )


def test_prometheus_finds_each_service_by_its_label_and_port_and_is_let_in() -> None:
    ports = {
        name: kubernetes_manifests.containers(pod)[0]["ports"][0]["containerPort"]
        for name, pod in of("production", "Deployment").items()
    }
    jobs = yaml.safe_load((places.ROOT / "deploy" / "prometheus" / "kubernetes.yml").read_text())[
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


def test_the_outside_reaches_one_route_of_webhooks() -> None:
    (rule,) = of("production", "Ingress")["webhooks"]["spec"]["rules"]
    assert [(path["path"], path["pathType"]) for path in rule["http"]["paths"]] == [
        ("/webhooks/method", "Exact")
    ]


def test_the_dispatcher_is_never_scaled_by_load() -> None:
    assert set(of("production", "HorizontalPodAutoscaler")) == {"gateway", "webhooks"}
    counts = {name: d["spec"].get("replicas") for name, d in of("production", "Deployment").items()}
    assert counts == {
        "ingest": 2,
        "dispatcher": 2,
        "ledger": 2,
        "reports": 2,
        "gateway": None,
        "webhooks": None,
    }
    assert of("production", "PersistentVolumeClaim")["ingest-files"]["spec"]["accessModes"] == [
        "ReadWriteMany"
    ]


def test_kafkas_certificates_are_mounted_where_the_address_says() -> None:
    for name in {*FLOW} - {"gateway"}:
        resource = of("production", "Deployment")[name]
        broker = KafkaAddress.parse(environment(resource)[f"PAYDOWN_{name.upper()}_KAFKA"])
        (volume,) = [
            v for v in resource["spec"]["template"]["spec"]["volumes"] if v["name"] == "kafka"
        ]
        paths = {
            f"/run/kafka/{item['path']}"
            for source in volume["projected"]["sources"]
            for item in source["secret"]["items"]
        }
        assert paths == {broker.ca, broker.cert, broker.key}
        assert [source["secret"]["name"] for source in volume["projected"]["sources"]] == [
            "paydown-cluster-ca-cert",
            name,
        ]
