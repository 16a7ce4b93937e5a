"""Parts lists and audits: silence is never an all-clear."""

import json

from devtools import supply_chain
from devtools.setup import jars

CHECKED = {"name": "a", "version": "1", "vulns": []}
VULNERABLE = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1"}, {"id": "CVE-2"}]}
SKIPPED = {"name": "c", "skip_reason": "not found"}


def test_the_list_of_kafka_names_each_jar_with_its_hash() -> None:
    listed = jars.read_list(jars.LIST.read_text())
    document = supply_chain.parts_of_kafka(listed)
    assert document["bomFormat"] == "CycloneDX"
    assert [one["hashes"][0]["content"] for one in document["components"]] == [
        jar.sha256 for jar in listed
    ]
    purls = {one["purl"] for one in document["components"]}
    version = jars.pinned(jars.POM.read_text())["org.apache.kafka:kafka_2.13"]
    assert f"pkg:maven/org.apache.kafka/kafka_2.13@{version}?type=jar" in purls


def test_what_was_skipped_was_not_checked() -> None:
    answer = json.dumps({"dependencies": [CHECKED, VULNERABLE, SKIPPED]})
    assert supply_chain.python_findings(answer) == (2, ["b 2: CVE-1", "b 2: CVE-2"], 1)
    assert supply_chain.python_findings("no answer") == (0, [], 0)


def test_an_error_of_the_registry_is_no_all_clear() -> None:
    assert supply_chain.node_findings('{"statusCode": 405, "body": ""}') is None
    assert supply_chain.node_findings("") is None
    assert supply_chain.node_findings('{"vulnerabilities": {}}') == []
    found = supply_chain.node_findings('{"vulnerabilities": {"x": {"severity": "high"}}}')
    assert found == ["x: high"]
