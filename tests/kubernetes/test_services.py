"""Each service of the catalog has its resources, with the code's settings, secrets and ports."""

import shutil
from typing import Any

import pytest

from devtools import kubernetes_manifests
from devtools.kubernetes_manifests import APPLIED, FOLDER, OVERLAYS
from libs.common.crypto.message_signatures import public_keys
from libs.common.runtime.setting_sources import FILE
from libs.common.runtime.settings import Settings
from ops import secret_files
from services import catalog
from services.catalog import NAMES
from services.gateway.settings import PROVIDER_URL, GatewaySettings, check_sign_in
from services.ledger.settings import LedgerSettings
from simulator.settings import SimulatorSettings
from tests.kubernetes.rendered import LIBPQ_VARIABLES, RENDERED, check, environment, of
from tests.kubernetes.rendered import without_libpq as ours
from tests.service_settings import SETTINGS

MADE_BY_HAND = {"oidc_client_secret"}
EACH = ("Deployment", "Service", "PodDisruptionBudget")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_service_of_the_catalog_has_its_resources(overlay: str) -> None:
    missing = [f"{kind} {name}" for name in NAMES for kind in EACH if name not in of(overlay, kind)]
    where = "deploy/kubernetes/base/<service>.yaml, named in its kustomization.yaml, lacks:"
    assert not missing, "\n".join([where, *missing])
    others = {"simulator"} if overlay == "local" else set[str]()
    assert set(of(overlay, "Deployment")) == {*NAMES, *others}


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", NAMES)
def test_the_service_would_start_with_these_settings(
    overlay: str, service: str, tmp_path: Any
) -> None:
    given = environment(of(overlay, "Deployment")[service])
    foreign = {name for name in given if not name.startswith(f"PAYDOWN_{service.upper()}_")}
    assert foreign <= LIBPQ_VARIABLES | ({PROVIDER_URL} if service == "gateway" else set())
    key = "k1:" + "A" * 43 + "="
    secrets = {
        "SEAL_KEYS": key,
        "SIGNING_KEYS": key,
        "PUBLIC_KEYS": public_keys(dict.fromkeys(catalog.SIGNING, key)),
    }
    values = {}
    for name, value in given.items():
        values[name] = value
        if name.endswith(FILE):
            setting = name.removeprefix(f"PAYDOWN_{service.upper()}_").removesuffix(FILE)
            values[name] = str(tmp_path / setting)
            (tmp_path / setting).write_text(secrets.get(setting, key))
    settings = SETTINGS[service].read(values)  # an unknown or a missing name is refused here
    assert settings.host == "0.0.0.0"
    if isinstance(settings, GatewaySettings):
        check_sign_in(settings, values)


def test_a_misspelt_setting_is_found() -> None:
    given = environment(of("production", "Deployment")["ledger"]) | {"PAYDOWN_LEDGER_KAFKAA": "x:1"}
    with pytest.raises(Exception, match="PAYDOWN_LEDGER_KAFKAA"):
        LedgerSettings.read(
            {name: value for name, value in given.items() if not name.endswith(FILE)}
        )


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
    assert urls == dict.fromkeys(NAMES, "http://otel-collector.monitoring:4318")
    assert all("traces_url" in SETTINGS[name].model_fields for name in NAMES)
    (policy,) = [r for r in rendered if r["metadata"]["name"] == "to-collector"]
    assert policy["metadata"]["namespace"] == "paydown"
    (expression,) = policy["spec"]["podSelector"]["matchExpressions"]
    assert expression == {
        "key": "app.kubernetes.io/name",
        "operator": "In",
        "values": list(NAMES),
    }
    assert policy["spec"]["egress"][0]["ports"] == [{"protocol": "TCP", "port": 4318}]
    for resource in rendered:
        check(resource)


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
        "databases": ["python", "-m", "ops", "provision"],
        "migrate": ["python", "-m", "services", "migrate"],
    }
    assert jobs == wanted | (
        {"topics": ["python", "-m", "services", "topics"]} if overlay == "local" else {}
    )
    assert set(ours(environment(of(overlay, "Job")["migrate"]))) == {
        f"PAYDOWN_{name.upper()}_OWNER_URL{FILE}" for name in NAMES
    }
    assert set(ours(environment(of(overlay, "Job")["databases"]))) == {
        "DATABASE_URL_FILE",
        "DATABASE_SECRET_FILE",
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_secret_file_named_is_one_that_is_made(overlay: str, tmp_path: Any) -> None:
    secret_files.make_secrets(tmp_path, "postgres:5432")
    for name in (*NAMES, "migrate", "databases"):
        resource = (of(overlay, "Deployment") | of(overlay, "Job"))[name]
        files = {
            value.removeprefix("/run/secrets/")
            for key, value in environment(resource).items()
            if key.endswith(FILE)
        }
        assert files - MADE_BY_HAND == {path.name for path in (tmp_path / name).iterdir()}, name
        mounted = {
            v["name"]: v["secret"]["secretName"]
            for v in resource["spec"]["template"]["spec"]["volumes"]
            if "secret" in v
        }
        assert mounted["secrets"] == f"paydown-{name}"


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", NAMES)
def test_probes_and_services_use_paths_and_ports_there_are(overlay: str, service: str) -> None:
    (container,) = kubernetes_manifests.containers(of(overlay, "Deployment")[service])
    port = catalog.find(service).port
    assert container["args"] == ["python", "-m", "services", service]
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
        {"quarantine"} if overlay == "recovery" else {*NAMES, "migrate", "databases"}
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


def test_the_dispatcher_is_never_scaled_by_load() -> None:
    scaled = set(of("production", "HorizontalPodAutoscaler"))
    assert scaled == {"gateway", "webhooks"}
    counts = {name: d["spec"].get("replicas") for name, d in of("production", "Deployment").items()}
    assert counts == {name: None if name in scaled else 2 for name in NAMES}
    assert of("production", "PersistentVolumeClaim")["ingest-files"]["spec"]["accessModes"] == [
        "ReadWriteMany"
    ]
