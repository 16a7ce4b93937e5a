"""The files of contracts/ are current, and the pages that describe the flow agree with the code."""

import json
import re
import shutil
from pathlib import Path

import pytest

from devtools import contracts
from libs.common.contracts import topics
from libs.common.contracts.registry import parse
from services import catalog
from services.catalog import NAMES

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "contracts" / "examples").glob("*/*.json"))


def test_the_committed_contracts_are_current() -> None:
    assert contracts.stale(ROOT / "contracts") == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_example_ever_committed_still_parses(path: Path) -> None:
    body = json.loads(path.read_text(encoding="utf-8"))
    event = parse(path.parent.name, path.read_bytes())
    assert event.type == body["type"] == path.parent.name
    written = json.loads(event.body())
    assert fields_of(body, written) == body  # no field is lost
    assert event.key()


def fields_of(old: object, new: object) -> object:
    """What `new` says in the fields that `old` has, at any depth: new fields may come anywhere."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {name: fields_of(old[name], new.get(name)) for name in old}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [fields_of(*pair) for pair in zip(old, new, strict=True)]
    return new


def test_a_field_that_is_lost_in_the_depth_is_seen() -> None:
    old = {"rows": [{"number": 1, "reason": "x"}], "id": "b"}
    grown = {"rows": [{"number": 1, "reason": "x", "new": 2}], "id": "b", "more": None}
    assert fields_of(old, grown) == old
    for lost in ({"rows": [{"number": 1}], "id": "b"}, {"rows": [], "id": "b"}, {"id": "b"}):
        assert fields_of(old, lost) != old


def test_every_message_has_an_example() -> None:
    assert {path.parent.name for path in EXAMPLES} == set(contracts.messages())


def test_what_is_missing_changed_or_left_over_is_stale(tmp_path: Path) -> None:
    copy = tmp_path / "contracts"
    shutil.copytree(ROOT / "contracts", copy)
    (copy / "topics.json").unlink()
    (copy / "gateway.openapi.json").write_text("{}")
    (copy / "moon-landed.v1.schema.json").write_text("{}")
    there = list((copy / "examples" / "row-read.v1").iterdir())
    for path in there:
        path.write_text("{}")
    assert contracts.stale(copy) == [
        f"examples/row-read.v1/{len(there) + 1:04}.json",
        "gateway.openapi.json",
        "moon-landed.v1.schema.json",
        "topics.json",
    ]


def topics_in_readme(service: str) -> dict[str, set[str]]:
    """`in` and `out` of the first line of a service's README: owns · in · out · promises."""
    top = "\n".join(
        (ROOT / "services" / service / "README.md")
        .read_text(encoding="utf-8")
        .replace("*", "")
        .replace("`", "")
        .splitlines()[:4]
    )
    found = re.search(r"owns:? .+ · in:? (?P<in>.+) · out:? (?P<out>.+) · promises:? .+", top)
    assert found, f"services/{service}/README.md does not begin with owns · in · out · promises"
    return {
        side: set(re.findall(r"[a-z]+(?:-[a-z]+)+|batches|holds|preparation", found[side]))
        for side in ("in", "out")
    }


@pytest.mark.parametrize("service", NAMES)
def test_a_services_first_line_agrees_with_the_table_of_topics(service: str) -> None:
    listed, entry = topics_in_readme(service), catalog.find(service)
    assert listed["in"] == {topic.name for topic in entry.topics_in}
    assert listed["out"] == {topic.name for topic in entry.topics_out}


def test_the_table_of_topics_names_only_services_of_the_catalog() -> None:
    named = {name for t in topics.TOPICS for name in (t.producer, *t.consumers)}
    assert named <= set(NAMES)
    assert len({t.name for t in topics.TOPICS}) == len(topics.TOPICS)


def test_the_drawn_flow_names_every_service_and_every_topic() -> None:
    page = (ROOT / "services" / "README.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"[a-z]+(?:-[a-z]+)*", page.split("```")[1]))
    assert {*NAMES, *(topic.name for topic in topics.TOPICS)} <= drawn
    for topic in topics.TOPICS:
        row = next(text for text in page.splitlines() if text.startswith(f"| {topic.name} |"))
        assert [cell.strip() for cell in row.strip("|").split("|")] == [
            topic.name,
            topic.key,
            topic.producer,
            ", ".join(topic.consumers),
        ]
