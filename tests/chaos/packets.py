"""Packets of one port that are dropped, by nft, from the machine or from Debian's packages."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from devtools import paths

FOLDER = paths.CACHE / "nft"
PACKAGES = ("nftables", "libnftables1", "libnftnl11", "libmnl0", "libjansson4", "libedit2")
LIBRARIES = FOLDER / "usr" / "lib" / "x86_64-linux-gnu"


def nft() -> str | None:
    """Its path; None if it is not here and cannot be fetched. It is unpacked, not installed."""
    unpacked = FOLDER / "usr" / "sbin" / "nft"
    if found := shutil.which("nft"):
        return found
    if not unpacked.exists() and shutil.which("apt-get") and shutil.which("dpkg"):
        FOLDER.mkdir(parents=True, exist_ok=True)
        for command in (
            ["apt-get", "download", "-q", *PACKAGES],
            ["sh", "-c", "for one in *.deb; do dpkg -x $one .; done; rm -f *.deb"],
        ):
            subprocess.run(command, cwd=FOLDER, capture_output=True, check=False)
    return str(unpacked) if unpacked.exists() else None


class Drops:
    """Drops a share of the packets to and from ports of this machine, while it is on.

    Raises:
        subprocess.CalledProcessError: nft refuses; its rules need rights of an administrator.
    """

    def __init__(self, program: str, ports: Iterable[int]) -> None:
        self.program, self.table = program, f"paydown_chaos_{os.getpid()}"
        self.ports = ", ".join(str(port) for port in ports)

    def begin(self, percent: int) -> None:
        chance = "" if percent == 100 else f"numgen random mod 100 < {percent} "
        rules = [
            f"add table inet {self.table}",
            f"add chain inet {self.table} input {{ type filter hook input priority 0; }}",
            *(
                f"add rule inet {self.table} input tcp {way} {{ {self.ports} }} {chance}drop"
                for way in ("dport", "sport")
            ),
        ]
        self._run("\n".join(rules) + "\n")

    def end(self) -> None:
        self._run(f"delete table inet {self.table}\n")

    def _run(self, rules: str) -> None:
        where = (
            {"LD_LIBRARY_PATH": str(LIBRARIES)} if Path(self.program).is_relative_to(FOLDER) else {}
        )
        subprocess.run(
            [self.program, "-f", "-"],
            input=rules,
            env={**os.environ, **where},
            text=True,
            check=True,
            capture_output=True,
        )
