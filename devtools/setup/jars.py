"""Kafka's jars: the committed list, and whether those that are fetched are the ones of the list.

`deploy/kafka/jars.txt` has a line for each jar: its SHA-256 and group:artifact:version. The command
that makes the list from `deploy/kafka/pom.xml` is `python -m devtools.kafka_jars`.
"""

import hashlib
import os
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from devtools import paths

LIST = paths.ROOT / "deploy" / "kafka" / "jars.txt"
POM = paths.ROOT / "deploy" / "kafka" / "pom.xml"
NAMESPACE = "{http://maven.apache.org/POM/4.0.0}"
STAMP = paths.CACHE / "kafka-jars.stamp"
DRAFT = paths.CACHE / "kafka-jars.draft"  # kept when a set-up is interrupted: it goes on from there
MIRROR = "PAYDOWN_MAVEN_REPOSITORY"


@dataclass(frozen=True, order=True)
class Jar:
    """One jar of the list."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def path(self) -> str:
        """Its path in a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file}"

    def __str__(self) -> str:
        return f"{self.sha256}  {self.group}:{self.artifact}:{self.version}"


def read_list(text: str) -> list[Jar]:
    """The jars of a list; lines that begin with `#` are comments."""
    jars = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            sha256, coordinates = line.split()
            group, artifact, version = coordinates.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def pinned(pom: str) -> dict[str, str]:
    """group:artifact -> version of what the POM names."""
    dependencies = ET.fromstring(pom).iter(f"{NAMESPACE}dependency")  # noqa: S314  # our own file
    named = [
        [one.findtext(f"{NAMESPACE}{part}", "") for part in ("groupId", "artifactId", "version")]
        for one in dependencies
    ]
    return {f"{group}:{artifact}": version for group, artifact, version in named}


def complete() -> bool:
    """Whether the jars of the present list are there."""
    try:
        return STAMP.read_text() == _mark() and any(paths.KAFKA_JARS.glob("kafka_*.jar"))
    except OSError:
        return False


def still_to_fetch(jars: Iterable[Jar]) -> list[Jar]:
    """Those that the draft lacks, after what is in the old folder was taken over from there."""
    DRAFT.mkdir(parents=True, exist_ok=True)
    lacking = []
    for jar in jars:
        draft, old = DRAFT / jar.file, paths.KAFKA_JARS / jar.file
        if old.exists() and not draft.exists():
            os.link(old, draft)
        if not draft.exists() or sha256_of(draft) != jar.sha256:
            lacking.append(jar)
    return lacking


def finish(jars: Iterable[Jar]) -> None:
    """Put the draft in the place of the old folder, without what is not on the list."""
    listed = {jar.file for jar in jars}
    for file in DRAFT.iterdir():
        if file.name not in listed:
            file.unlink()
    shutil.rmtree(paths.KAFKA_JARS, ignore_errors=True)
    DRAFT.rename(paths.KAFKA_JARS)
    STAMP.write_text(_mark())


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def mirror() -> str:
    """The Maven repository that is set for this machine; "" if none is.

    `PAYDOWN_MAVEN_REPOSITORY`, else the mirror of everything or of Maven Central in Maven's own
    settings of this user.
    """
    if given := os.environ.get(MIRROR):
        return given
    settings = Path.home() / ".m2" / "settings.xml"
    try:
        tree = ET.parse(settings).getroot()  # noqa: S314  # the user's own file
    except (OSError, ET.ParseError):
        return ""
    for one in tree.iter():
        if one.tag.endswith("mirror"):
            parts = {part.tag.rpartition("}")[2]: (part.text or "").strip() for part in one}
            if {"*", "external:*", "central"} & set(parts.get("mirrorOf", "").split(",")):
                return parts.get("url", "")
    return ""


def _mark() -> str:
    return hashlib.sha256(LIST.read_bytes()).hexdigest()
