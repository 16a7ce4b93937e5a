"""The files that hosts of the repository, editors and image registries read name what there is."""

import json
import os
import re
import tomllib

import pytest
import yaml

from devtools import paths

GITHUB = paths.ROOT / ".github"
LOCKS = {
    "pip": "*.txt",
    "npm": "package-lock.json",
    "maven": "pom.xml",
    "docker": "Dockerfile",
    "github-actions": ".github/workflows/*.yml",
}
UPDATES = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]
OWNERS = [
    line.split()
    for line in (GITHUB / "CODEOWNERS").read_text().splitlines()
    if line and not line.startswith("#")
]


def test_the_workflow_runs_what_a_developer_runs() -> None:
    workflow = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text())
    steps = workflow["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert os.access(paths.ROOT / ".ci" / "run", os.X_OK)
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", s["uses"]) for s in steps if "uses" in s)
    assert workflow["permissions"] == {"contents": "read"}


def test_ci_resolves_the_jars_of_kafka_anew_and_has_every_server_that_tests_ask_for() -> None:
    lines = (paths.ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line.partition(" #")[0].strip() for line in lines]
    assert "PAYDOWN_APT=yes make test" in commands
    assert ".venv/bin/python -m devtools.kafka_jars --check" in commands
    (installed,) = [line.split() for line in commands if "apt-get install" in line]
    assert {"nginx", "haproxy", "pgbouncer", "prometheus"} <= set(installed)


@pytest.mark.parametrize("update", UPDATES, ids=lambda update: update["package-ecosystem"])
def test_each_lock_that_is_raised_exists(update: dict[str, str]) -> None:
    folder = paths.ROOT / update["directory"].lstrip("/")
    assert list(folder.glob(LOCKS[update["package-ecosystem"]]))


def test_every_kind_of_lock_is_raised() -> None:
    assert {update["package-ecosystem"] for update in UPDATES} == set(LOCKS)


def test_dispatcher_and_ledger_have_owners_and_every_owned_path_exists() -> None:
    owned = {path: owners for path, *owners in OWNERS}
    assert {"/services/dispatcher/", "/services/ledger/"} <= set(owned)
    assert all(owned.values())
    assert all((paths.ROOT / path.lstrip("/")).exists() for path in owned)


def test_the_image_has_the_version_of_the_project_in_its_labels() -> None:
    version = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]["version"]
    last_stage = (paths.ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert f"ARG VERSION={version}\n" in last_stage
    labels = re.findall(r"org\.opencontainers\.image\.(\w+)=", last_stage)
    assert set(labels) == {"title", "description", "version", "revision", "licenses"}


def test_the_editors_container_has_the_python_that_the_project_needs() -> None:
    text = (paths.ROOT / ".devcontainer" / "devcontainer.json").read_text()
    container = json.loads("\n".join(line for line in text.splitlines() if line[:2] != "//"))
    needed = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]
    assert container["image"].startswith(f"python:{needed['requires-python'].lstrip('>=')}-")
    assert container["postCreateCommand"] == "make setup"
