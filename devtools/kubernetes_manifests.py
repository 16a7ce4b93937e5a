"""Render deploy/kubernetes without a cluster and without kubectl.

    python -m devtools.kubernetes_manifests local|production|recovery

It knows the part of kustomize that those files use: resources, components, namespace, images,
replicas, and JSON patches by kind and name. Anything else in a kustomization is refused. Where
kubectl is installed, a test compares the two.
"""

import copy
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from devtools import paths
from ops.errors import CommandError, exit_code

FOLDER = paths.ROOT / "deploy" / "kubernetes"
OVERLAYS = ("local", "production")
APPLIED = (*OVERLAYS, "recovery")
KNOWN = {
    "apiVersion",
    "kind",
    "namespace",
    "resources",
    "components",
    "images",
    "replicas",
    "patches",
}
WITHOUT_NAMESPACE = {"Namespace"}
Resource = dict[str, Any]  # YAML


def render(folder: Path) -> list[Resource]:
    """What `kubectl kustomize folder` prints, as values.

    Raises:
        CommandError: a kustomization uses something that this does not know, or a patch matches
            nothing.
    """
    plan = load(folder / "kustomization.yaml")[0]
    unknown = set(plan) - KNOWN
    if unknown:
        raise CommandError(
            f"{folder.name}/kustomization.yaml: {', '.join(sorted(unknown))} is not rendered by "
            f"devtools/kubernetes_manifests.py"
        )
    found: list[Resource] = []
    for name in plan.get("resources", []):
        found += render(folder / name) if (folder / name).is_dir() else load(folder / name)
    for name in plan.get("components", []):
        component = load(folder / name / "kustomization.yaml")[0]
        found += [
            resource
            for file in component.get("resources", [])
            for resource in load(folder / name / file)
        ]
        _apply(found, folder / name, component)
    _apply(found, folder, plan)
    return found


def load(file: Path) -> list[Resource]:
    """The documents of one file."""
    return [document for document in yaml.safe_load_all(file.read_text()) if document]


def containers(resource: Resource) -> list[dict[str, Any]]:
    """The containers of a resource that makes pods; none for any other resource."""
    pod = (
        resource.get("spec", {}).get("template", {}).get("spec", {})
        if resource["kind"] in {"Deployment", "StatefulSet", "Job"}
        else {}
    )
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def _apply(resources: list[Resource], folder: Path, plan: Resource) -> None:
    for patch in plan.get("patches", []):
        operations: Any = (
            load(folder / patch["path"])[0] if "path" in patch else yaml.safe_load(patch["patch"])
        )
        targets = [resource for resource in resources if _matches(resource, patch["target"])]
        if not targets:
            raise CommandError(
                f"{folder.name}/kustomization.yaml: a patch for {patch['target']} matches nothing"
            )
        for resource in targets:
            for operation in operations:
                _patch(resource, operation)
    for resource in resources:
        if "namespace" in plan and resource["kind"] not in WITHOUT_NAMESPACE:
            resource["metadata"]["namespace"] = plan["namespace"]
        for count in plan.get("replicas", []):
            if (
                resource["kind"] in {"Deployment", "StatefulSet"}
                and resource["metadata"]["name"] == count["name"]
            ):
                resource["spec"]["replicas"] = count["count"]
        for container in containers(resource):
            for image in plan.get("images", []):
                if container["image"].partition(":")[0] == image["name"]:
                    container["image"] = f"{image['newName']}:{image['newTag']}"


def _matches(resource: Resource, target: dict[str, str]) -> bool:
    found = {"kind": resource["kind"], "name": resource["metadata"]["name"]}
    return all(re.fullmatch(pattern, found[key]) for key, pattern in target.items())


def _patch(resource: Resource, operation: dict[str, Any]) -> None:
    parent, last = _parent(resource, operation["path"])
    value = copy.deepcopy(operation.get("value"))  # the same patch goes to many
    match operation["op"], last:
        case "add", "-":
            parent.append(value)
        case (("add" | "replace"), _):
            parent[last] = value
        case "remove", _:
            del parent[last]
        case "move", _:
            old, name = _parent(resource, operation["from"])
            parent[last] = old.pop(name)
        case "copy", _:
            old, name = _parent(resource, operation["from"])
            parent[last] = copy.deepcopy(old[name])
        case other, _:
            raise CommandError(f"{other} is no patch that devtools/kubernetes_manifests.py knows")


def _parent(resource: Resource, pointer: str) -> tuple[Any, str]:
    """The mapping or list with the value that a JSON pointer names, and its key there."""
    *steps, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    parent: Any = resource
    for part in steps:
        parent = parent[int(part)] if isinstance(parent, list) else parent[part]
    return parent, last


def main(arguments: list[str]) -> int:
    """Print what would be applied; exit code 0, or 2 with one sentence."""
    if len(arguments) != 1 or arguments[0] not in APPLIED:
        raise CommandError(f"usage: python -m devtools.kubernetes_manifests {'|'.join(APPLIED)}")
    yaml.safe_dump_all(render(FOLDER / arguments[0]), sys.stdout, sort_keys=False)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
