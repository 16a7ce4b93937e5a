"""Write `contracts/`, on which other programs rely, from the classes that define it.

    python -m devtools.contracts [--check]

`<type>.schema.json` and `examples/<type>/<n>.json` for every message, `topics.json`,
`gateway.openapi.json`, and in `api-texts.json` the texts for people that the API sends. With
--check nothing is written, and the exit code is 1 if a file is stale. An example is never changed:
every one that was ever committed must still parse.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from devtools.api_texts import api_texts
from libs.common.contracts import registry, topics
from libs.common.contracts.envelope import Event
from ops.secret_files import new_signing_key
from services.gateway import app
from services.gateway.settings import GatewaySettings

FOLDER = Path(__file__).parents[1] / "contracts"
AT = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def main(arguments: list[str]) -> int:
    """Write or check; 0 or 1."""
    parser = argparse.ArgumentParser(
        prog="python -m devtools.contracts",
        description="Write contracts/ from the classes that define it.",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file is stale"
    )
    if parser.parse_args(arguments).check:
        found = stale(FOLDER)
        print("\n".join(f"stale: contracts/{path}" for path in found) or "contracts are current")
        return 1 if found else 0
    for path in stale(FOLDER):
        text = expected_files(FOLDER).get(path)
        if text is None:
            (FOLDER / path).unlink()
        else:
            (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
            (FOLDER / path).write_text(text, encoding="utf-8")
        print(f"{'removed' if text is None else 'written'}: contracts/{path}")
    return 0


def stale(folder: Path) -> list[str]:
    """Paths below the folder that are missing, wrong, or of a message that is gone."""
    files = expected_files(folder)
    changed = [
        path
        for path, text in files.items()
        if not (folder / path).exists() or (folder / path).read_text(encoding="utf-8") != text
    ]
    left_over = [path.name for path in folder.glob("*.json") if path.name not in files]
    return sorted(changed + left_over)


def expected_files(folder: Path) -> dict[str, str]:
    """Every file with its text. An example that is there under any number is not written again."""
    files = {
        "topics.json": as_text(topics_table()),
        "gateway.openapi.json": as_text(openapi()),
        "api-texts.json": as_text(dict(api_texts())),
    }
    for name, kind in sorted(messages().items()):
        schema = kind.model_json_schema(mode="serialization")
        files[f"{name}.schema.json"] = as_text(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        )
        made = as_text(json.loads(example(kind).body()))
        committed = sorted((folder / "examples" / name).glob("*.json"))
        if made not in (path.read_text(encoding="utf-8") for path in committed):
            files[f"examples/{name}/{len(committed) + 1:04}.json"] = made
    return files


def messages() -> dict[str, type[Event]]:
    """The event classes by their type on the wire."""
    return registry.published_types()


def topics_table() -> dict[str, Any]:
    """The table of topics, with the messages on each."""
    messages_on = {
        topic.name: sorted(name for name, kind in messages().items() if kind.topic is topic)
        for topic in topics.TOPICS
    }
    return {
        "partitions": topics.PARTITIONS,
        "config": topics.CONFIG,
        "topics": [
            {
                "name": t.name,
                "key": t.key,
                "producer": t.producer,
                "consumers": list(t.consumers),
                "messages": messages_on[t.name],
            }
            for t in topics.TOPICS
        ],
    }


def openapi() -> dict[str, Any]:
    """The description of the public API; needs neither a database nor a service."""
    settings = GatewaySettings(
        database_url="postgresql+psycopg2://nobody@127.0.0.1/none",
        internal_token="x" * 16,
        signing_keys=new_signing_key("gateway"),
    )
    return app.build(settings, app.clients(settings)).app().openapi()


def as_text(value: dict[str, Any]) -> str:
    """JSON as it is committed."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def example(kind: type[Event]) -> Event:
    """A message with every field set, the same on every machine."""
    return kind.model_validate(example_fields(kind, kind.name()))


def example_fields(model: type[BaseModel], path: str) -> dict[str, Any]:
    """A value for each field of a model."""
    return {
        name: example_value(f"{path}.{name}", info.annotation, info)
        for name, info in model.model_fields.items()
    }


def example_value(path: str, annotation: Any, info: FieldInfo) -> Any:  # Any: a type, and its value
    """A value of a field's type, derived from the field's path."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    if get_origin(annotation) is tuple:
        return [example_value(path, get_args(annotation)[0], info)]
    if NoneType in get_args(annotation):
        kind = next(part for part in get_args(annotation) if part is not NoneType)
        return example_value(path, kind, info)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return example_fields(annotation, path)
    values: dict[Any, Any] = {
        UUID: str(uuid5(NAMESPACE_URL, path)),
        AwareDatetime: AT.isoformat(),
        datetime: AT.isoformat(),
        bool: True,
        int: 938,
        str: path.rpartition(".")[2],
    }
    return values[annotation]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
