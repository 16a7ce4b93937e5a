"""Keep the schemas of the operators' resources.

`python -m devtools.crd_schemas NAME=FILE …`, FILE the operator's CustomResourceDefinitions as it publishes them.

Writes deploy/kubernetes/schemas/<kind>.json for the kinds we use, without descriptions: a twentieth of the size, and what it refuses is the same.
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


def bare(schema: Any) -> Any:  # JSON
    """The schema without the descriptions of its fields; a field named "description" stays, because it is a schema and no text."""
    if isinstance(schema, dict):
        return {
            key: bare(value)
            for key, value in schema.items()
            if not (key == "description" and isinstance(value, str))
        }
    return [bare(value) for value in schema] if isinstance(schema, list) else schema


def keep(origin: str, file: Path) -> list[str]:
    """Write the schemas of the served versions in one file; the names of the kinds.

    Raises:
        CommandError: the file cannot be read.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    kept = []
    for document in yaml.safe_load_all(raw):
        if (
            not document
            or document.get("kind") != "CustomResourceDefinition"
            or document["spec"]["names"]["kind"] not in KINDS
        ):
            continue
        spec = document["spec"]
        versions = {
            v["name"]: bare(v["schema"]["openAPIV3Schema"]) for v in spec["versions"] if v["served"]
        }
        said = {
            "origin": origin,
            "sha256": hashlib.sha256(raw).hexdigest(),
            "group": spec["group"],
            "kind": spec["names"]["kind"],
            "versions": versions,
        }
        (SCHEMAS / f"{spec['names']['kind'].lower()}.json").write_text(
            json.dumps(said, separators=(",", ":"), sort_keys=True) + "\n"
        )
        kept.append(spec["names"]["kind"])
    return kept


def main(arguments: list[str]) -> int:
    """Exit code 0, or 2 with one sentence."""
    for argument in arguments:
        origin, _, file = argument.partition("=")
        print(f"{origin}: {', '.join(keep(origin, Path(file))) or 'none of the kinds we use'}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
