"""The committed list of Kafka's jars against the versions that are pinned."""

from pathlib import Path

import pytest

from devtools import paths
from devtools.setup import fetch_jars, jars
from devtools.setup.fetch_jars import WrongJar
from devtools.setup.jars import Jar

LISTED = jars.read_list(jars.LIST.read_text())
VERSIONS = {f"{jar.group}:{jar.artifact}": jar.version for jar in LISTED}
PINNED = jars.pinned(jars.POM.read_text())


def test_the_list_holds_what_is_pinned_in_the_pinned_versions() -> None:
    assert len(PINNED) == 2
    assert {name: VERSIONS.get(name) for name in PINNED} == PINNED


def test_all_parts_of_kafka_and_of_its_logging_have_one_version_each() -> None:
    kafka, log4j = PINNED.values()
    for jar in LISTED:
        if jar.group == "org.apache.kafka":
            assert jar.version == kafka, jar
        if jar.group == "org.apache.logging.log4j":
            assert jar.version == log4j, jar


def test_each_jar_is_listed_once_with_a_hash() -> None:
    assert len(VERSIONS) == len(LISTED) == len({jar.file for jar in LISTED})
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in LISTED)


def test_images_run_the_same_kafka() -> None:
    version = PINNED["org.apache.kafka:kafka_2.13"]
    named = {
        "docker-compose.yml": f"apache/kafka:{version}",
        "tests/containers/engine.py": f"apache/kafka:{version}",
        "tests/containers/servers.py": f"apache/kafka:{version}",
        "deploy/kubernetes/local/kafka.yaml": f"apache/kafka:{version}",
    }
    for file, image in named.items():
        assert image in (paths.ROOT / file).read_text(), file


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Jar]:
    monkeypatch.setattr(jars, "DRAFT", tmp_path / "draft")
    (tmp_path / "draft").mkdir()
    file = tmp_path / "repository" / "org" / "example" / "one" / "1.0" / "one-1.0.jar"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a jar")
    return (tmp_path / "repository").as_uri(), Jar(
        "org.example", "one", "1.0", jars.sha256_of(file)
    )


def test_a_jar_is_fetched_from_a_repository(repository: tuple[str, Jar]) -> None:
    address, jar = repository
    fetch_jars.fetch(address, [jar], 1)
    assert (jars.DRAFT / jar.file).read_bytes() == b"a jar"
    assert jars.still_to_fetch([jar]) == []


def test_a_jar_with_another_hash_is_refused_and_not_kept(repository: tuple[str, Jar]) -> None:
    address, jar = repository
    with pytest.raises(WrongJar, match=r"one-1\.0\.jar"):
        fetch_jars.fetch(address, [Jar(jar.group, jar.artifact, jar.version, "0" * 64)], 1)
    assert list(jars.DRAFT.iterdir()) == []


def test_a_mirror_is_taken_from_the_setting_else_from_mavens_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(jars.MIRROR, raising=False)
    assert jars.mirror() == ""
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(
        "<settings xmlns='http://maven.apache.org/SETTINGS/1.2.0'><mirrors>"
        "<mirror><mirrorOf>other</mirrorOf><url>https://no.example</url></mirror>"
        "<mirror><mirrorOf>*,!other</mirrorOf><url>https://mirror.example/maven</url></mirror>"
        "</mirrors></settings>"
    )
    assert jars.mirror() == "https://mirror.example/maven"
    monkeypatch.setenv(jars.MIRROR, "https://set.example")
    assert jars.mirror() == "https://set.example"
