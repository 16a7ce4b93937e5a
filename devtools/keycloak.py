"""Keycloak, a real identity provider, for the tests of the sign-in.

    python -m devtools.keycloak

fetches and unpacks it into `.cache/keycloak-<version>` (180 MB) unless it is there, and prints the
folder. It comes from the Maven repository that Kafka comes from, held to its SHA-256.
`PAYDOWN_KEYCLOAK` names an unpacked one instead. It needs Java 17 or newer.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx

from devtools import paths
from devtools.setup import fetch_jars, jars, java
from ops.errors import CommandError, exit_code

VERSION = "26.7.3"
SHA256 = "77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47"
FILE = f"keycloak-quarkus-dist-{VERSION}.tar.gz"
PATH = f"org/keycloak/keycloak-quarkus-dist/{VERSION}/{FILE}"
START_LIMIT_S, STOP_LIMIT_S, SILENCE_S = 120.0, 15.0, 30.0
ADMIN = ("admin", "admin-of-tests")


def install() -> Path:
    """The folder of Keycloak; it is fetched if it is not there.

    Raises:
        CommandError: what was fetched is not what is pinned here.
        OSError: it cannot be fetched.
    """
    if given := os.environ.get("PAYDOWN_KEYCLOAK"):
        return Path(given)
    home = paths.CACHE / f"keycloak-{VERSION}"
    if home.exists():
        return home
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.CACHE) as folder:
        archive = Path(folder) / FILE
        _fetch(f"{fetch_jars.repository().rstrip('/')}/{PATH}", archive)
        if jars.sha256_of(archive) != SHA256:
            raise CommandError(f"wrong SHA-256 of {PATH}")
        with tarfile.open(archive) as content:
            content.extractall(folder, filter="data")
        (Path(folder) / home.name).rename(home)
    return home


@contextlib.contextmanager
def running(realm: str, port: int, log: Path) -> Iterator[str]:
    """Its address while it runs with one realm, which is text of a JSON export.

    All its data is in memory.

    Raises:
        CommandError: there is no Java, or it does not start.
    """
    home, found = install(), java.choose().taken
    if found is None:
        raise CommandError("Keycloak needs Java 17 or newer")
    imported = home / "data" / "import"
    imported.mkdir(parents=True, exist_ok=True)
    (imported / "realm.json").write_text(realm, encoding="utf-8")
    command = [
        str(home / "bin" / "kc.sh"),
        "start-dev",
        "--import-realm",
        "--db=dev-mem",
        "--cache=local",
        "--http-host=127.0.0.1",
        f"--http-port={port}",
    ]
    environment = {
        **os.environ,
        "JAVA_HOME": str(found.path.resolve().parents[1]),
        "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN[0],
        "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN[1],
    }
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        _wait(process, f"{address}/realms/master", log)
        yield address
    finally:
        _end(process)


def _fetch(url: str, file: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=fetch_jars.trusting()))
    with opener.open(url, timeout=SILENCE_S) as answer, file.open("wb") as out:
        while chunk := answer.read(1 << 20):
            out.write(chunk)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        time.sleep(0.3)
    raise CommandError(f"Keycloak does not start: {log.read_text(errors='replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and what it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main() -> int:
    """The command line."""
    print(install())
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
