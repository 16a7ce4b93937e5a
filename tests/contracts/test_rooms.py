"""The tree is the architecture: every file of a service is a declared room with a layer."""

import sys
import tomllib
from pathlib import Path

import pytest

from services.__main__ import FLOW

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS: dict[str, list[str]] = PROJECT["tool"]["paydown"]["rooms"]
EVERY_SERVICE = {"settings", "app"}


@pytest.mark.parametrize("service", FLOW)
def test_a_service_has_only_the_rooms_that_are_declared(service: str) -> None:
    found = {
        path.stem
        for path in (ROOT / "services" / service).iterdir()
        if path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py")))
    } - {"migrations", "tests"}
    assert found - set(ROOMS["common"]) - set(ROOMS[service]) == set(), (
        "declare it under [tool.paydown.rooms], or put it elsewhere"
    )
    assert set(ROOMS[service]) - found == set(), "declared, but not there"
    assert found >= EVERY_SERVICE


@pytest.mark.parametrize("service", FLOW)
def test_a_service_has_no_folder_but_its_rooms_migrations_and_tests(service: str) -> None:
    folders = {
        path.name
        for path in (ROOT / "services" / service).iterdir()
        if path.is_dir() and path.name != "__pycache__"
    }
    assert folders - set(ROOMS["common"]) - set(ROOMS[service]) == {"migrations", "tests"}


def test_no_room_is_declared_for_a_service_that_is_not_in_the_flow() -> None:
    assert set(ROOMS) == {"common", *FLOW}
    assert {
        path.name
        for path in (ROOT / "services").iterdir()
        if path.is_dir() and path.name != "__pycache__"
    } == set(FLOW)


def test_no_room_has_the_name_of_a_standard_module_or_says_nothing() -> None:
    declared = {room for rooms in ROOMS.values() for room in rooms}
    assert (
        declared & (set(sys.stdlib_module_names) | {"utils", "helpers", "common", "misc"}) == set()
    )


def test_every_service_has_layers_for_its_rooms() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    layered = {
        contract["containers"][0]: contract
        for contract in contracts
        if contract["type"] == "layers" and contract["containers"] != ["libs.common"]
    }
    assert set(layered) == {f"services.{name}" for name in FLOW}
    assert all(contract["exhaustive"] for contract in layered.values()), (
        "a room without a layer would obey no rule"
    )
