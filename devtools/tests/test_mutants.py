"""The list of mutants follows the code; `make mutants` itself takes minutes."""

from pathlib import Path

import pytest

from devtools import paths
from devtools.mutants.catalog import MUTANTS
from devtools.mutants.runner import Mutant, applied
from ops.errors import CommandError


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutants_text_stands_once_in_its_file_and_its_check_exists(mutant: Mutant) -> None:
    assert (paths.ROOT / mutant.file).read_text().count(mutant.old) == 1
    assert mutant.new != mutant.old
    assert (paths.ROOT / mutant.check.split()[0]).exists()


def test_names_are_different() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_a_copy_is_broken_in_the_block_only(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    with applied(Mutant("m", "a.py", "1", "2", ""), tmp_path):
        assert (tmp_path / "a.py").read_text() == "x = 2\n"
    assert (tmp_path / "a.py").read_text() == "x = 1\n"
    with pytest.raises(CommandError), applied(Mutant("m", "a.py", "3", "2", ""), tmp_path):
        pass
