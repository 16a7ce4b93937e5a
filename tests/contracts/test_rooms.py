"""Every file of a service is a room: declared in pyproject.toml, with a layer in the rules."""

import sys
import tomllib
from pathlib import Path

import pytest

from services.catalog import NAMES

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS: dict[str, list[str]] = PROJECT["tool"]["paydown"]["rooms"]
EVERY_SERVICE = {"settings", "app"}


@pytest.mark.parametrize("service", NAMES)
def test_a_service_has_only_the_rooms_that_are_declared(service: str) -> None:
    found = {
        path.stem
        for path in (ROOT / "services" / service).iterdir()
        if path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py")))
    } - {"migrations", "tests"}
    assert found - set(ROOMS["common"]) - set(ROOMS[service]) == set(), (
        "declare it under [tool.paydown.rooms] in pyproject.toml, or put it elsewhere"
    )
    assert set(ROOMS[service]) - found == set(), "declared, but not there"
    assert found >= EVERY_SERVICE


@pytest.mark.parametrize("service", NAMES)
def test_a_service_has_no_folder_but_its_rooms_migrations_and_tests(service: str) -> None:
    folders = {
        path.name
        for path in (ROOT / "services" / service).iterdir()
        if path.is_dir() and path.name != "__pycache__"
    }
    assert folders - set(ROOMS["common"]) - set(ROOMS[service]) == {"migrations", "tests"}


def test_rooms_are_declared_for_the_services_of_the_catalog_and_each_has_its_folder() -> None:
    assert set(ROOMS) == {"common", *NAMES}
    assert {
        path.name
        for path in (ROOT / "services").iterdir()
        if path.is_dir() and path.name != "__pycache__"
    } == set(NAMES)


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
    assert set(layered) == {f"services.{name}" for name in NAMES}
    assert all(contract["exhaustive"] for contract in layered.values()), (
        "a room without a layer would obey no rule"
    )
