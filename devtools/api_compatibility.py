"""Whether the public API still serves the programs that were written for the last version.

    python -m devtools.api_compatibility [--accept]

It compares `contracts/gateway.openapi.json` with the description at the newest tag `v…`; without a
tag with `contracts/baseline/gateway.openapi.json`, which --accept writes anew. Exit code 1 and one
line for each break. What counts as one: a path, method, parameter, media type, success status or
field of an answer that is gone; a field that an answer may now leave out; another type; and in
requests something new that is required, and a value that is no longer accepted.

A new value of an answer's enum is no break: a client has to bear statuses that it does not know.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from devtools import paths
from ops.errors import CommandError, exit_code

Json = dict[str, Any]  # Any: JSON
CURRENT = "contracts/gateway.openapi.json"
BASELINE = paths.ROOT / "contracts" / "baseline" / "gateway.openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")
DEPTH_MAX = 30


@dataclass(frozen=True)
class Description:
    """A description of an API, whose references can be followed."""

    document: Json

    def operations(self) -> Iterator[tuple[str, Json]]:
        """Each operation with its name, such as `GET /api/v1/batches`."""
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield f"{method.upper()} {path}", item[method]

    def shape(self, schema: Json) -> "Shape":
        """A schema with its references followed and its alternatives merged."""
        types, properties, items = set[str](), dict[str, Json](), list[Json]()
        values: list[list[Any] | None] = []
        required: list[set[str]] = []
        for one in self._alternatives(schema):
            given = one.get("type", "object" if "properties" in one else "any")
            kinds = {given} if isinstance(given, str) else set(given)
            types |= kinds
            properties |= one.get("properties", {})
            items += [one["items"]] if "items" in one else []
            if kinds != {"null"}:
                values.append(one.get("enum", [one["const"]] if "const" in one else None))
            if "object" in kinds:
                required.append(set(one.get("required", ())))
        return Shape(
            properties,
            set.intersection(*required) if required else set(),
            types,
            _merged(values),
            items,
        )

    def _alternatives(self, schema: Json) -> list[Json]:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self._alternatives(self.document["components"]["schemas"][name])
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return [found for one in schema[word] for found in self._alternatives(one)]
        return [schema]


@dataclass(frozen=True)
class Shape:
    """What a schema says. `values` are the only ones allowed; None: any of the type."""

    properties: dict[str, Json]
    required: set[str]
    types: set[str]
    values: frozenset[str] | None
    items: list[Json]


def _merged(values: list[list[Any] | None]) -> frozenset[str] | None:
    """The values of all alternatives; None if one of them allows any."""
    known = [allowed for allowed in values if allowed is not None]
    if not known or len(known) < len(values):
        return None
    return frozenset(json.dumps(value) for allowed in known for value in allowed)


def breaks(before: Json, after: Json) -> list[str]:
    """Each way in which a program for `before` may fail with `after`; sorted."""
    old, new = Description(before), Description(after)
    operations = dict(new.operations())
    found: list[str] = []
    for name, operation in old.operations():
        if name not in operations:
            found.append(f"{name} is gone")
            continue
        changed = _Comparison(old, new)
        changed.operation(operation, operations[name])
        found += [f"{name}: {text}" for text in changed.found]
    return sorted(set(found))


class _Comparison:
    """The differences of one operation, collected."""

    def __init__(self, old: Description, new: Description) -> None:
        self.old, self.new = old, new
        self.found: list[str] = []

    def operation(self, old: Json, new: Json) -> None:
        self._parameters(old, new)
        self._request_body(old.get("requestBody", {}), new.get("requestBody", {}))
        for status, answer in old["responses"].items():
            if not status.startswith(("2", "3")):
                continue
            if status not in new["responses"]:
                self.found.append(f"status {status} is gone")
                continue
            content = new["responses"][status].get("content", {})
            for media_type, body in answer.get("content", {}).items():
                if media_type not in content:
                    self.found.append(f"answers no {media_type}")
                else:
                    self._schema(
                        body.get("schema", {}), content[media_type].get("schema", {}), "answer"
                    )

    def _parameters(self, old: Json, new: Json) -> None:
        before, after = _parameters(old), _parameters(new)
        for name in before.keys() - after.keys():
            self.found.append(f"parameter {name} is gone")
        for name, parameter in after.items():
            was = before.get(name)
            if parameter.get("required") and not (was and was.get("required")):
                self.found.append(f"parameter {name} is required now")
            if was:
                schemas = was.get("schema", {}), parameter.get("schema", {})
                self._schema(*schemas, f"parameter {name}", is_request=True)

    def _request_body(self, old: Json, new: Json) -> None:
        if new.get("required") and not old.get("required"):
            self.found.append("a body is required now")
        content = new.get("content", {})
        for media_type, body in old.get("content", {}).items():
            if media_type not in content:
                self.found.append(f"accepts no {media_type}")
            else:
                schemas = body.get("schema", {}), content[media_type].get("schema", {})
                self._schema(*schemas, "body", is_request=True)

    def _schema(
        self, old: Json, new: Json, where: str, *, is_request: bool = False, depth: int = 0
    ) -> None:
        if depth > DEPTH_MAX:
            return
        was, now = self.old.shape(old), self.new.shape(new)
        narrower, wider = (was, now) if is_request else (now, was)
        if not narrower.types <= wider.types and "any" not in wider.types:
            types = ("/".join(sorted(shape.types)) for shape in (was, now))
            self.found.append(f"{where} was {{}} and is {{}}".format(*types))
        if is_request:
            self._request_values(was, now, where)
        for name in sorted(was.properties.keys() - now.properties.keys()):
            self.found.append(f"{where}.{name} is gone")
        if not is_request:
            for name in sorted((was.required - now.required) & now.properties.keys()):
                self.found.append(f"{where}.{name} may be missing now")
        for name in sorted(was.properties.keys() & now.properties.keys()):
            self._schema(
                was.properties[name],
                now.properties[name],
                f"{where}.{name}",
                is_request=is_request,
                depth=depth + 1,
            )
        for before, after in zip(was.items, now.items, strict=False):
            self._schema(before, after, f"{where}[]", is_request=is_request, depth=depth + 1)

    def _request_values(self, was: Shape, now: Shape, where: str) -> None:
        for name in sorted(now.required - was.required):
            self.found.append(f"{where}.{name} is required now")
        if now.values is not None:
            lost = (was.values or frozenset({"other values"})) - now.values
            self.found += [f"{where} no longer accepts {value}" for value in sorted(lost)]


def _parameters(operation: Json) -> dict[str, Json]:
    return {f"{one['in']} {one['name']}": one for one in operation.get("parameters", [])}


def last_released() -> tuple[str, Json]:
    """The name and the description of the newest tag `v…`; without one the baseline's."""
    tag = _git("describe", "--tags", "--abbrev=0", "--match", "v*")
    text = _git("show", f"{tag}:{CURRENT}") if tag else ""
    if text:
        return tag, json.loads(text)
    return "the baseline", json.loads(BASELINE.read_text(encoding="utf-8"))


def _git(*arguments: str) -> str:
    """What git prints; "" if it fails, as without tags or without git."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=paths.ROOT, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def main(arguments: list[str]) -> int:
    """Compare, or accept; 1 if the API breaks its clients."""
    parser = argparse.ArgumentParser(prog="python -m devtools.api_compatibility")
    parser.add_argument(
        "--accept", action="store_true", help="make the current description the baseline"
    )
    current = json.loads((paths.ROOT / CURRENT).read_text(encoding="utf-8"))
    if parser.parse_args(arguments).accept:
        BASELINE.parent.mkdir(exist_ok=True)
        BASELINE.write_text(json.dumps(current, separators=(",", ":")) + "\n", encoding="utf-8")
        return 0
    if not BASELINE.exists():
        raise CommandError("there is no baseline: python -m devtools.api_compatibility --accept")
    name, before = last_released()
    found = breaks(before, current)
    print("\n".join(found) or f"the API is compatible with {name}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
