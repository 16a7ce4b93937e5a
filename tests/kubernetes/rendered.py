"""The manifests as they would be applied, and checks of one resource against its schema."""

import json
from typing import Any

import jsonschema
import kubernetes_validate

from devtools import crd_schemas, kubernetes_manifests
from devtools.kubernetes_manifests import APPLIED, FOLDER, Resource

LIBPQ_VARIABLES = {"PGSSLMODE", "PGSSLROOTCERT"}
RENDERED = {name: kubernetes_manifests.render(FOLDER / name) for name in APPLIED}


def of(overlay: str, kind: str) -> dict[str, Resource]:
    """The resources of one kind by their names."""
    return {r["metadata"]["name"]: r for r in RENDERED[overlay] if r["kind"] == kind}


def environment(resource: Resource) -> dict[str, str]:
    """The variables of its first container."""
    return {
        entry["name"]: entry["value"]
        for entry in kubernetes_manifests.containers(resource)[0].get("env", [])
    }


def without_libpq(variables: dict[str, str]) -> dict[str, str]:
    """The variables that our own code reads."""
    return {name: value for name, value in variables.items() if name not in LIBPQ_VARIABLES}


def strict(schema: Any) -> Any:
    """A CRD's schema under strict field validation: a field that is not named is refused."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items() if key not in {"format", "default"}}
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    if (
        isinstance(schema.get("properties"), dict)
        and "type" in schema
        and not schema.get("x-kubernetes-preserve-unknown-fields")
    ):
        made.setdefault("additionalProperties", False)
    return made


def check(resource: Resource) -> None:
    """Refuse what its schema does not name or allow."""
    group, _, version = resource["apiVersion"].rpartition("/")
    file = crd_schemas.SCHEMAS / f"{resource['kind'].lower()}.json"
    crd: Any = json.loads(file.read_text()) if file.exists() else {"group": None}
    if crd["group"] == group:
        jsonschema.Draft202012Validator(strict(crd["versions"][version])).validate(resource)
    else:
        kubernetes_validate.validate(resource, "1.37", strict=True)
