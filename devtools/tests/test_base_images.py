"""Base images: one name for each in all files, digests by one command, one major of PostgreSQL."""

import hashlib
import re
import shutil
from pathlib import Path

import pytest

from devtools import base_images, paths
from devtools.stack import postgres
from ops.errors import CommandError

POSTGRES = re.compile(r"postgres(?:ql)?[:@](\d{2})(?!\d)")
FILES = (
    *base_images.USES,
    "deploy/images.txt",
    "devtools/setup/machine.py",
    "docs/containers.md",
    "tests/containers/engine.py",
    "tests/containers/servers.py",
    "tests/images/README.md",
)


def digest_of(image: str) -> str:
    return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("deploy/images.txt", *base_images.USES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(paths.ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A client that knows the digest of every image but one named in `refused`."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        'if grep -qx "$4" "$(dirname "$0")/refused" 2>/dev/null; then\n'
        '    echo "ERROR: no such host" >&2; exit 1; fi\n'
        'printf "sha256:%s\\n" "$(printf %s "$4" | sha256sum | cut -c1-64)"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program.parent


def found_by_plain_search(folder: Path, *, pinned: bool) -> set[str]:
    """The files that name a listed image with a digest, or those that name one without.

    It does not ask `base_images.uses`: what that overlooks is what `pin` leaves as it was.
    """
    return {
        name
        for name in base_images.USES
        for image in base_images.listed()
        for rest in (folder / name).read_text().split(image)[1:]
        if rest.startswith("@sha256:") == pinned
    }


@pytest.mark.parametrize("name", base_images.USES)
def test_each_file_names_an_image_that_would_be_pinned(name: str) -> None:
    text = (paths.ROOT / name).read_text()
    assert any(base_images.uses(image, text) for image in base_images.listed())


@pytest.mark.parametrize("image", base_images.listed())
def test_all_files_name_an_image_as_the_list_does(image: str) -> None:
    found = [
        use
        for name in base_images.USES
        for use in base_images.uses(image, (paths.ROOT / name).read_text())
    ]
    assert found
    assert set(found) == {base_images.reference(image)}


def test_no_file_names_an_image_that_is_not_listed() -> None:
    named = re.compile(
        r"(?:\bimage(?:Name)?\W+|[A-Z]BASE=|:-)((?:[\w.-]+/)*[\w.-]+:[\w.-]*\d[\w.-]*)"
    )
    for name in base_images.USES:
        found = set(named.findall((paths.ROOT / name).read_text()))
        assert {one for one in found if "127.0.0.1" not in one} <= set(base_images.listed()), name


def test_pin_writes_the_digests_everywhere_and_again_changes_nothing(
    checkout: Path, docker: Path
) -> None:
    assert base_images.not_pinned(checkout)
    assert "NOT PINNED" in base_images.summary(checkout)
    for _ in range(2):
        base_images.pin(checkout)
        assert base_images.not_pinned(checkout) == []
        assert base_images.summary(checkout) == "the base images are pinned by digest"
        for image in base_images.listed(checkout):
            for name in base_images.USES:
                uses = base_images.uses(image, (checkout / name).read_text())
                assert set(uses) <= {f"{image}@{digest_of(image)}"}, name
    assert found_by_plain_search(checkout, pinned=False) == set()
    assert found_by_plain_search(checkout, pinned=True) == set(base_images.USES)


def test_one_registry_that_does_not_answer_and_nothing_is_changed(
    checkout: Path, docker: Path
) -> None:
    (docker / "refused").write_text("apache/kafka:4.4.0\n")
    before = {name: (checkout / name).read_text() for name in base_images.USES}
    with pytest.raises(CommandError, match=r"apache/kafka:4\.4\.0 .*nothing was changed: .*host"):
        base_images.pin(checkout)
    assert {name: (checkout / name).read_text() for name in base_images.USES} == before


def test_postgresql_is_of_one_major_wherever_it_can_be_chosen() -> None:
    named = {
        f"{name}: {found[0]}": int(found[1])
        for name in FILES
        for found in POSTGRES.finditer((paths.ROOT / name).read_text())
    }
    assert len(named) >= 7, named
    assert set(named.values()) == {postgres.MAJOR}, named
    locked = list(postgres.packaged_folders())
    assert [postgres.major_version(folder) for folder in locked] == [postgres.MAJOR]
