"""Fetch Kafka's jars into their draft folder, several at once, each held to its SHA-256.

    python -m devtools.setup.fetch_jars

It prints `<fetched> of <all>` after each jar. The repository is the one that is set for this
machine, else the default one of the Maven client `jgo`, which must be importable then.
"""

import os
import ssl
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from devtools.setup import jars
from devtools.setup.jars import Jar

AT_ONCE = 8
TRIES = 3
SILENCE_S = 20.0  # without a byte; then it is tried again
CHUNK = 1 << 16


def fetch(repository: str, wanted: list[Jar], total: int) -> None:
    """Fetch jars; what has arrived stays if one of them fails.

    Raises:
        OSError: a jar cannot be fetched, or is another one than the list says.
    """
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusting()))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tasks = [pool.submit(_fetch_one, opener, repository, jar) for jar in wanted]
        try:
            for done, task in enumerate(as_completed(tasks), total - len(wanted) + 1):
                task.result()
                print(f"{done} of {total}", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def trusting() -> ssl.SSLContext:
    """The machine's certificates; where it has none, those that came with pip."""
    context = ssl.create_default_context()
    places = ssl.get_default_verify_paths()
    if not context.get_ca_certs() and not (places.capath and any(Path(places.capath).iterdir())):
        from pip._vendor import certifi  # noqa: PLC0415  # each environment has its pip

        context.load_verify_locations(certifi.where())
    return context


def _fetch_one(opener: urllib.request.OpenerDirector, repository: str, jar: Jar) -> None:
    for left in reversed(range(TRIES)):
        try:
            return _download(opener, f"{repository.rstrip('/')}/{jar.path}", jar)
        except urllib.error.HTTPError as error:
            raise OSError(f"{jar.path}: the repository answered {error.code}") from None
        except OSError:
            if not left:
                raise
    raise AssertionError("unreachable")


def _download(opener: urllib.request.OpenerDirector, url: str, jar: Jar) -> None:
    part = jars.DRAFT / f"{jar.file}.{os.getpid()}.part"
    try:
        with opener.open(url, timeout=SILENCE_S) as answer, part.open("wb") as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
            if file.tell() < int(answer.headers.get("Content-Length") or 0):
                raise ConnectionError("Connection broken: the file is not whole")
        if jars.sha256_of(part) != jar.sha256:
            raise WrongJar(f"wrong SHA-256 of {jar.path}")
        part.replace(jars.DRAFT / jar.file)
    finally:
        part.unlink(missing_ok=True)


class WrongJar(Exception):
    """What was fetched is not what the list says; it is not tried again."""


def repository() -> str:
    """The address of the Maven repository."""
    if mirror := jars.mirror():
        return mirror
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415  # only where no mirror is set

    return str(MAVEN_CENTRAL_URL)


def main() -> int:
    """The command line."""
    listed = jars.read_list(jars.LIST.read_text())
    try:
        fetch(repository(), jars.still_to_fetch(listed), len(listed))
    except (OSError, WrongJar) as error:
        print(f"ERROR: {error}", flush=True)
        os._exit(1)  # the other threads may still wait for the network
    return 0


if __name__ == "__main__":
    sys.exit(main())
