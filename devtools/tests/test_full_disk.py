"""The disk is full at each step of set-up: it says so in words, and the same command goes on.

The checkout lies on a file system of its own in memory, whose size is what is left for set-up.
"""

import subprocess
from pathlib import Path

import pytest

from devtools.tests.test_interrupted_setup import LIMIT_S, checkout, environment

__all__ = ["checkout"]  # a fixture
#: It is full while the environment is made, while pip is unpacked, while packages are installed.
LEFT_KB = (0, 4_000, 12_000)
#: A mount that nobody else sees, also without rights where the kernel allows it.
ALONE = ["unshare", "--map-root-user", "--mount", "sh", "-euc"]
MOUNT = "mount -t tmpfs -o size=1g tmpfs"
#: Others fill the disk as soon as set-up, which had found room, has begun to write.
SCRIPT = f"""
{MOUNT} "$1"
cp -a "$2/." "$1"
cd "$1"
devtools/bootstrap.sh runtime >"$4/first" 2>&1 &
while [ ! -e .cache/drafts ]; do kill -0 $!; done
used=$(df --output=used -k . | tail -1)
mount -o remount,size=$((used + $3))k "$1"
code=0
wait $! || code=$?
[ ! -e .venv ] || .venv/bin/python -c "import small"
mount -o remount,size=1g "$1"
devtools/bootstrap.sh runtime >"$4/second" 2>&1
.venv/bin/python -c "import small"
[ -s .cache/kafka-jars/kafka_one-1.0.jar ]
exit $code
"""


def can_mount(folder: Path) -> bool:
    try:
        command = [*ALONE, f'{MOUNT} "$1"', "sh", str(folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.parametrize("left_kb", LEFT_KB)
def test_a_disk_that_is_full_at_one_step_is_said_and_the_same_command_goes_on(
    checkout: Path, tmp_path: Path, left_kb: int
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    if not can_mount(place):
        pytest.skip("this machine lets nobody mount")
    words = (str(place), str(checkout), str(left_kb), str(tmp_path))
    done = subprocess.run(
        [*ALONE, SCRIPT, "sh", *words],
        env=environment(checkout),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    first = (tmp_path / "first").read_text()
    assert done.returncode == 2, done.stderr + first
    assert "Traceback" not in first
    assert "the disk is full" in first.strip().splitlines()[-1]
