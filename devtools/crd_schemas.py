"""Store the schemas of the operators' resources.

    python -m devtools.crd_schemas NAME=FILE …

FILE holds an operator's CustomResourceDefinitions as it publishes them. Writes
deploy/kubernetes/schemas/<kind>.json for the kinds we use, without descriptions: a twentieth of the
size, and it refuses the same.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from devtools import paths
from ops.errors import CommandError, exit_code

SCHEMAS = paths.ROOT / "deploy" / "kubernetes" / "schemas"
KINDS = {
    "Kafka",
    "KafkaNodePool",
    "KafkaTopic",
    "KafkaUser",
    "Cluster",
    "ScheduledBackup",
    "ObjectStore",
}


def without_descriptions(schema: Any) -> Any:  # JSON
    """The schema without descriptions; a field that is named "description" is no text and stays."""
    if isinstance(schema, dict):
        return {
            key: without_descriptions(value)
            for key, value in schema.items()
            if not (key == "description" and isinstance(value, str))
        }
    return [without_descriptions(value) for value in schema] if isinstance(schema, list) else schema


def store(origin: str, file: Path) -> list[str]:
    """Write the schemas of the served versions in one file, and return the names of the kinds.

    Raises:
        CommandError: the file cannot be read.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    stored = []
    for document in yaml.safe_load_all(raw):
        if (
            not document
            or document.get("kind") != "CustomResourceDefinition"
            or document["spec"]["names"]["kind"] not in KINDS
        ):
            continue
        spec = document["spec"]
        versions = {
            v["name"]: without_descriptions(v["schema"]["openAPIV3Schema"])
            for v in spec["versions"]
            if v["served"]
        }
        made = {
            "origin": origin,
            "sha256": hashlib.sha256(raw).hexdigest(),
            "group": spec["group"],
            "kind": spec["names"]["kind"],
            "versions": versions,
        }
        (SCHEMAS / f"{spec['names']['kind'].lower()}.json").write_text(
            json.dumps(made, separators=(",", ":"), sort_keys=True) + "\n"
        )
        stored.append(spec["names"]["kind"])
    return stored


def main(arguments: list[str]) -> int:
    """Exit code 0, or 2 with one sentence."""
    for argument in arguments:
        origin, _, file = argument.partition("=")
        print(f"{origin}: {', '.join(store(origin, Path(file))) or 'none of the kinds we use'}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
