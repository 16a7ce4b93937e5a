"""Write `deploy/kafka/jars.txt`: the jars of the versions that `deploy/kafka/pom.xml` names.

    python -m devtools.kafka_jars [--check]

The Maven client `jgo` resolves what they need, without Java or Maven, as Maven itself does. With
`--check` nothing is written; it fails if the list would be another one. Both need the network.
"""

import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext

from devtools.setup import jars
from devtools.setup.jars import Jar
from ops.errors import CommandError, exit_code

HEADER = """\
# Apache Kafka as a list of jars: SHA-256, then group:artifact:version. Made from pom.xml by
# `python -m devtools.kafka_jars`; set-up fetches them side by side, each held to its hash.
"""


def resolve(cache: Path) -> list[Jar]:
    """The jars of the pinned versions and of all that they need at run time, fetched once."""
    mirror = jars.mirror()
    context = MavenContext(repo_cache=cache, remote_repos={"mirror": mirror} if mirror else None)
    wanted = []
    for name, version in jars.pinned(jars.POM.read_text()).items():
        dependency = context.create_dependency(f"{name}:{version}")
        dependency.raw = True  # versions as Maven chooses them: ours do not manage others' ones
        wanted.append(dependency)
    named, needed = context.resolver.resolve(wanted)
    resolved = []
    for one in (*named, *needed):
        if one.classifier or one.type != "jar":
            raise CommandError(f"{one} is no plain jar; the list cannot name it")
        file = Path(one.artifact.resolve())
        resolved.append(Jar(one.groupId, one.artifactId, one.version, jars.sha256_of(file)))
    return sorted(resolved)


def main(arguments: list[str]) -> int:
    """The command line."""
    if arguments not in ([], ["--check"]):
        raise CommandError("usage: python -m devtools.kafka_jars [--check]")
    with tempfile.TemporaryDirectory() as cache:
        lines = [str(jar) for jar in resolve(Path(cache))]
    text = HEADER + "\n".join(lines) + "\n"
    if not arguments:
        jars.LIST.write_text(text)
        print(f"{jars.LIST.relative_to(Path.cwd())}: {len(lines)} jars")
    elif text != jars.LIST.read_text():
        raise CommandError(
            "deploy/kafka/jars.txt is not what pom.xml needs; "
            "write it again by `python -m devtools.kafka_jars`"
        )
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
