"""Write what other programs rely on into `contracts/`, from the classes that are the contract: `python -m devtools.contracts [--check]`.

`<type>.schema.json` and `examples/<type>/<n>.json` for every message, `topics.json`, `gateway.openapi.json`. With --check nothing
is written; exit 1 if anything is stale. An example that is there is never changed: every one ever committed must still parse.
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

from libs.common.contracts import registry, topics
from libs.common.contracts.envelope import Event
from services.gateway import app
from services.gateway.settings import GatewaySettings

FOLDER = Path(__file__).parents[1] / "contracts"
AT = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def main(arguments: list[str]) -> int:
    """Write or check; 0 or 1."""
    parser = argparse.ArgumentParser(
        prog="python -m devtools.contracts", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if anything is stale"
    )
    if parser.parse_args(arguments).check:
        found = stale(FOLDER)
        print("\n".join(f"stale: contracts/{path}" for path in found) or "contracts are current")
        return 1 if found else 0
    for path in stale(FOLDER):
        text = wanted(FOLDER).get(path)
        if text is None:
            (FOLDER / path).unlink()
        else:
            (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
            (FOLDER / path).write_text(text, encoding="utf-8")
        print(f"{'removed' if text is None else 'written'}: contracts/{path}")
    return 0


def stale(folder: Path) -> list[str]:
    """Paths below the folder that are missing, other than they should be, or left over from a message that is no more."""
    files = wanted(folder)
    changed = [
        path
        for path, text in files.items()
        if not (folder / path).exists() or (folder / path).read_text(encoding="utf-8") != text
    ]
    left_over = [path.name for path in folder.glob("*.json") if path.name not in files]
    return sorted(changed + left_over)


def wanted(folder: Path) -> dict[str, str]:
    """Every file there should be, with its text. An example that is there already, under whatever number, is not wanted again."""
    files = {"topics.json": written(table()), "gateway.openapi.json": written(openapi())}
    for name, kind in sorted(messages().items()):
        files[f"{name}.schema.json"] = written(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                **kind.model_json_schema(mode="serialization"),
            }
        )
        made, there = (
            written(json.loads(example(kind).body())),
            sorted((folder / "examples" / name).glob("*.json")),
        )
        if made not in (path.read_text(encoding="utf-8") for path in there):
            files[f"examples/{name}/{len(there) + 1:04}.json"] = made
    return files


def messages() -> dict[str, type[Event]]:
    """The event classes by their type on the wire."""
    return registry.published_types()


def table() -> dict[str, Any]:
    """The table of topics, with the messages on each."""
    on = {
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
                "messages": on[t.name],
            }
            for t in topics.TOPICS
        ],
    }


def openapi() -> dict[str, Any]:
    """The public API's description; neither a database nor a service is asked."""
    settings = GatewaySettings(
        database_url="postgresql+psycopg2://nobody@127.0.0.1/none", internal_token="x" * 16
    )
    return app.build(settings, app.clients(settings)).app().openapi()


def written(value: dict[str, Any]) -> str:
    """JSON as it is committed."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def example(kind: type[Event]) -> Event:
    """A message with every field set, the same on every machine."""
    return kind.model_validate(filled(kind, kind.name()))


def filled(model: type[BaseModel], where: str) -> dict[str, Any]:
    """A value for each field of a model."""
    return {
        name: valued(f"{where}.{name}", info.annotation, info)
        for name, info in model.model_fields.items()
    }


def valued(where: str, annotation: Any, info: FieldInfo) -> Any:  # Any: a type, and a value of it
    """A value of a field's type, derived from the field's name."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    if get_origin(annotation) is tuple:
        return [valued(where, get_args(annotation)[0], info)]
    if NoneType in get_args(annotation):
        return valued(
            where, next(part for part in get_args(annotation) if part is not NoneType), info
        )
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return filled(annotation, where)
    values: dict[Any, Any] = {
        UUID: str(uuid5(NAMESPACE_URL, where)),
        AwareDatetime: AT.isoformat(),
        datetime: AT.isoformat(),
        bool: True,
        int: 938,
        str: where.rpartition(".")[2],
    }
    return values[annotation]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
