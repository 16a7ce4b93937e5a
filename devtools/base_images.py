"""The base images of the containers, by digest once somebody has pinned them.

    python -m devtools.base_images [pin]

A tag can point to another image tomorrow; a digest cannot. `pin` asks the registries, through
Docker's own client, and writes the digests into `deploy/images.txt` and into every file that names
an image; commit what it changes. Without `pin` it says which images are not pinned.
"""

import re
import subprocess
import sys
from pathlib import Path

from devtools import paths
from ops.errors import CommandError, exit_code

LIST = paths.ROOT / "deploy" / "images.txt"
USES = (
    ".devcontainer/devcontainer.json",
    "Dockerfile",
    "deploy/kubernetes/local/kafka.yaml",
    "deploy/kubernetes/local/postgres.yaml",
    "deploy/kubernetes/postgres/cluster.yaml",
    "docker-compose.yml",
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
ASK_LIMIT_S = 60


def listed(folder: Path = paths.ROOT) -> dict[str, str]:
    """{name:tag: the same, with its digest if it is pinned}."""
    lines = (folder / LIST.relative_to(paths.ROOT)).read_text().splitlines()
    return {line.partition("@")[0]: line for line in lines if line and not line.startswith("#")}


def reference(image: str) -> str:
    """How an image of the list is named, for those who run it."""
    return listed()[image]


def not_pinned(folder: Path = paths.ROOT) -> list[str]:
    """The images without a digest."""
    return [image for image, named in listed(folder).items() if image == named]


def uses(image: str, text: str) -> list[str]:
    """How a file names an image: each time, with the digest if there is one."""
    return [found[0] for found in _name_of(image).finditer(text)]


def pin(folder: Path = paths.ROOT) -> None:
    """Write the digests that the tags have now into the list and all files that name the images.

    Raises:
        CommandError: one of them cannot be asked for; then no file is changed.
    """
    digests = {image: _ask(image) for image in listed(folder)}
    for name in (str(LIST.relative_to(paths.ROOT)), *USES):
        text = (folder / name).read_text()
        for image, digest in digests.items():
            text = _name_of(image).sub(f"{image}@{digest}", text)
        (folder / name).write_text(text)


def _name_of(image: str) -> re.Pattern[str]:
    # `:-` begins the default of a variable: ${KAFKA_IMAGE:-apache/kafka:4.4.0}.
    begin = r"(?:(?<![\w./-])|(?<=:-))"
    return re.compile(rf"{begin}{re.escape(image)}(?:@{DIGEST.pattern})?(?![\w.:@-])")


def _ask(image: str) -> str:
    command = ["docker", "buildx", "imagetools", "inspect", image]
    try:
        done = subprocess.run(
            [*command, "--format", "{{.Manifest.Digest}}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=ASK_LIMIT_S,
            stdin=subprocess.DEVNULL,
        )
        digest, why = done.stdout.strip(), done.stderr.strip()
    except FileNotFoundError:
        digest, why = "", "there is no docker on this machine"
    except subprocess.TimeoutExpired:
        digest, why = "", f"no answer within {ASK_LIMIT_S} s"
    if not DIGEST.fullmatch(digest):
        first = (why or digest or "no answer").splitlines()[0]
        raise CommandError(f"the digest of {image} is not known, nothing was changed: {first}")
    return digest


def summary(folder: Path = paths.ROOT) -> str:
    """One sentence: what is pinned, or what is not and how to change that."""
    lacking = not_pinned(folder)
    if not lacking:
        return "the base images are pinned by digest"
    return (
        f"base images are NOT PINNED by digest: {', '.join(lacking)}. "
        "Where the registries can be reached: python -m devtools.base_images pin"
    )


def main(arguments: list[str]) -> int:
    """The command line: 0 if everything is pinned, else 1."""
    if arguments not in ([], ["pin"]):
        raise CommandError("usage: python -m devtools.base_images [pin]")
    if arguments:
        pin()
    print(summary())
    return 1 if not_pinned() else 0


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
