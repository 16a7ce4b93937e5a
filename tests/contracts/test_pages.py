"""The commands on pages exist, and loops over services miss none."""

import importlib.util
import re
from pathlib import Path

import pytest

from devtools import paths
from ops.__main__ import main
from services import catalog

PAGES = sorted(
    page
    for page in paths.ROOT.rglob("*.md")
    if page.name != "CHANGELOG.md"  # it names commands of earlier versions
    and not {".venv", ".cache", "node_modules"} & set(page.relative_to(paths.ROOT).parts)
)
GROUPS = (
    catalog.NAMES,
    catalog.ON_KAFKA,
    catalog.ENCRYPTING,
    catalog.QUARANTINABLE,
    catalog.REBUILDABLE,
)
COMMAND = re.compile(r"python3? -m ((?:ops|devtools|services|simulator)[\w.]*) ?([a-z][a-z-]*)?")
OF_SERVICES = {"migrate", "topics", "rebuild", *catalog.NAMES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(paths.ROOT)))
def test_the_commands_on_a_page_are_ones_there_are(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for module, word in COMMAND.findall(page.read_text(encoding="utf-8")):
        name = module.rstrip(".")
        package = importlib.util.find_spec(name)
        assert package, name
        if package.submodule_search_locations is not None:
            assert importlib.util.find_spec(f"{name}.__main__"), name
        if name == "ops" and word:
            with pytest.raises(SystemExit) as ended:
                main([word, "--help"])
            assert ended.value.code == 0, word
            capsys.readouterr()
        if name == "services" and word:
            assert word in OF_SERVICES, word


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(paths.ROOT)))
def test_a_loop_over_services_in_a_command_misses_none(page: Path) -> None:
    for words in re.findall(r"for \w+ in ([^;]+); do", page.read_text(encoding="utf-8")):
        named = {word for word in words.split() if word in catalog.NAMES}
        assert not named or named in [set(group) for group in GROUPS], words
