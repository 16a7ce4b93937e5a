"""deploy/kubernetes is what the schemas allow, and our renderer agrees with kubectl."""

import json
import shutil
import subprocess
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from devtools import kubernetes_manifests
from devtools.kubernetes_manifests import APPLIED, FOLDER, Resource
from ops.errors import CommandError
from tests.kubernetes.rendered import RENDERED, check

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
    rendered = subprocess.run(
        ["kubectl", "kustomize", str(FOLDER / overlay)], capture_output=True, text=True, check=True
    ).stdout
    theirs = {(r["kind"], r["metadata"]["name"]): r for r in yaml.safe_load_all(rendered)}
    assert theirs == {(r["kind"], r["metadata"]["name"]): r for r in RENDERED[overlay]}


def test_what_the_renderer_does_not_know_is_refused(tmp_path: Any) -> None:
    (tmp_path / "kustomization.yaml").write_text("namePrefix: x-\n")
    with pytest.raises(CommandError, match="namePrefix"):
        kubernetes_manifests.render(tmp_path)
    (tmp_path / "kustomization.yaml").write_text(
        "patches: [{patch: '[]', target: {kind: Deployment, name: nobody}}]\n"
    )
    with pytest.raises(CommandError, match="matches nothing"):
        kubernetes_manifests.render(tmp_path)
