"""A Docker engine for the tests, and the base images: official ones, or stand-ins.

The engine is the one that runs, else Debian's, installed and started for the tests alone.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devtools import base_images, paths
from ops.errors import CommandError

IMAGE, MADE_FOR = "paydown:test", "compose-test"
OFFICIAL = {
    "BASE": base_images.reference("python:3.11-slim-bookworm"),
    "NODE_BASE": base_images.reference("node:24-bookworm-slim"),
    "KAFKA_IMAGE": base_images.reference("apache/kafka:4.4.0"),
    "POSTGRES_IMAGE": base_images.reference("postgres:16"),
}
STAND_INS = {
    "BASE": "standin/python",
    "NODE_BASE": "standin/node",
    "KAFKA_IMAGE": "standin/kafka",
    "POSTGRES_IMAGE": "standin/postgres",
}
PULL_S = 60
BRIDGE_MTU = "1400"


@dataclass(frozen=True)
class Engine:
    """An engine that answers: its address, and the command of compose 2 or compose 1."""

    host: str
    compose: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """The process's own, pointed at this engine."""
        return {**os.environ, "DOCKER_HOST": self.host}

    def docker(
        self,
        *words: str,
        check: bool = True,
        more: Mapping[str, str] | None = None,
        limit_s: float = 900,
    ) -> subprocess.CompletedProcess[str]:
        """`docker …` on this engine."""
        made = subprocess.run(
            ["docker", *words],
            env={**self.environment, **(more or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=limit_s,
            cwd=paths.ROOT,
        )
        if check and made.returncode:
            raise CommandError(
                f"docker {' '.join(words[:3])} failed: "
                f"{(made.stderr or made.stdout).strip()[-600:]}"
            )
        return made


@contextmanager
def engine() -> Iterator[Engine]:
    """An engine. One that was started here is stopped again; its images stay in .cache.

    Raises:
        CommandError: there is none and none can be started here; says what would help.
    """
    for host in filter(None, (os.environ.get("DOCKER_HOST"), "unix:///var/run/docker.sock")):
        if shutil.which("docker") and _answers(host):
            yield Engine(host, _compose())
            return
    if os.geteuid():
        raise CommandError(
            "no Docker engine answers, and only root can start one: "
            "start Docker, or run this as root"
        )
    if not shutil.which("dockerd"):
        _install()
    with tempfile.TemporaryDirectory(prefix="paydown-dockerd-") as folder:
        host = f"unix://{folder}/sock"
        data = paths.CACHE / "docker"
        data.mkdir(parents=True, exist_ok=True)
        folders = ["--data-root", str(data), "--exec-root", f"{folder}/exec"]
        command = ["dockerd", *folders, "--pidfile", f"{folder}/pid", "-H", host]
        command += ["--mtu", BRIDGE_MTU, "--ip", "127.0.0.1"]
        with Path(folder, "log").open("w") as log:
            daemon = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + 30
            while not _answers(host):
                if daemon.poll() is not None or time.monotonic() > until:
                    output = Path(folder, "log").read_text().strip()[-400:]
                    raise CommandError(f"dockerd does not start here: {output}")
                time.sleep(0.3)
            yield Engine(host, _compose())
        finally:
            daemon.terminate()
            daemon.wait(60)


def images(found: Engine) -> dict[str, str]:
    """The base images by variable.

    Given ones, official ones where the engine has them or can pull them, else stand-ins.

    Raises:
        CommandError: the stand-ins cannot be built.
    """
    given = {name: os.environ[name] for name in OFFICIAL if name in os.environ}
    if len(given) == len(OFFICIAL) or all(_has(found, image) for image in OFFICIAL.values()):
        return {**OFFICIAL, **given}
    made = subprocess.run(
        [str(paths.ROOT / "tests" / "images" / "build.sh")],
        env=found.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise CommandError(f"the stand-in images cannot be built: {made.stderr.strip()[-600:]}")
    return {**STAND_INS, **given}


def build(found: Engine, bases: Mapping[str, str]) -> None:
    """The image, by the one recipe."""
    arguments = [
        word for name in ("BASE", "NODE_BASE") for word in ("--build-arg", f"{name}={bases[name]}")
    ]
    arguments += ["--build-arg", f"MADE_FOR={MADE_FOR}"]
    without_buildkit = {"DOCKER_BUILDKIT": "0"}  # not every engine has it
    found.docker("build", "-q", "-t", IMAGE, *arguments, ".", more=without_buildkit)


def remove_image(found: Engine) -> None:
    """Remove the image and the stages of its build, which have a label and no name."""
    found.docker("rmi", "-f", IMAGE, check=False)
    found.docker("image", "prune", "-f", "--filter", f"label=paydown.made-for={MADE_FOR}")


def _has(found: Engine, image: str) -> bool:
    if found.docker("image", "inspect", image, check=False).returncode == 0:
        return True
    try:
        return found.docker("pull", "-q", image, check=False, limit_s=PULL_S).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _answers(host: str) -> bool:
    made = subprocess.run(
        ["docker", "-H", host, "version"], capture_output=True, check=False, timeout=20
    )
    return made.returncode == 0


def _compose() -> tuple[str, ...]:
    compose_2 = ("docker", "compose")
    if subprocess.run([*compose_2, "version"], capture_output=True, check=False).returncode == 0:
        return compose_2
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    raise CommandError("compose is missing: apt-get install docker-compose")


def _install() -> None:
    if not shutil.which("apt-get"):
        raise CommandError(
            "Docker is missing and there is no apt-get to install it with: install Docker"
        )
    os.write(2, b"installing Debian's Docker (docker.io docker-compose debootstrap)\n")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = ["docker.io", "docker-compose", "debootstrap", "iptables"]
    install = ["install", "-y", "-qq", "--no-install-recommends", *packages]
    for words in (["update", "-qq"], install):
        made = subprocess.run(
            ["apt-get", *words], env=quiet, capture_output=True, text=True, check=False
        )
    if made.returncode:
        raise CommandError(f"Docker cannot be installed: {made.stderr.strip()[-300:]}")
