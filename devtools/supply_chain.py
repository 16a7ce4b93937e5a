"""What paydown is made of, and whether something of it is known to be vulnerable.

    python -m devtools.supply_chain sbom [FOLDER]
    python -m devtools.supply_chain audit

`sbom` writes a parts list (CycloneDX) each for the Python packages, the dashboard's packages and
Kafka's jars. `audit` asks for known vulnerabilities of what is locked. Where the question cannot be
asked, it says in large that this part was not checked; it never takes silence for an all-clear.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devtools import base_images, paths
from devtools.dashboard import FOLDER as DASHBOARD
from devtools.dashboard import npm_environment, print_not_tried
from devtools.setup import jars
from ops.errors import CommandError, exit_code

BIN = paths.VENV / "bin"
SHIPPED = paths.ROOT / "requirements" / "runtime.txt"
ASKED_FIRST = paths.ROOT / "requirements" / "java.txt"  # one package: whether anybody answers
PYTHON_AUDIT = [str(BIN / "pip-audit"), "--disable-pip", "--require-hashes", "--format", "json"]


def sbom(folder: Path) -> None:
    """Write the three parts lists.

    Raises:
        CommandError: one of the tools failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    python = [str(BIN / "cyclonedx-py"), "requirements", "--output-reproducible", str(SHIPPED)]
    node = ["npm", "sbom", "--package-lock-only", "--sbom-format", "cyclonedx"]
    lists = {
        "python": _output(python, paths.ROOT),
        "dashboard": _output(node, DASHBOARD),
        "kafka": json.dumps(parts_of_kafka(jars.read_list(jars.LIST.read_text())), indent=2),
    }
    for name, text in lists.items():
        file = folder / f"{name}.cdx.json"
        file.write_text(text.rstrip() + "\n")
        print(f"{file}: {len(json.loads(text)['components']):,} parts")


def parts_of_kafka(listed: Sequence[jars.Jar]) -> dict[str, Any]:
    """Kafka's jars as a CycloneDX document."""
    components = [
        {
            "type": "library",
            "bom-ref": f"{jar.group}:{jar.artifact}:{jar.version}",
            "group": jar.group,
            "name": jar.artifact,
            "version": jar.version,
            "purl": f"pkg:maven/{jar.group}/{jar.artifact}@{jar.version}?type=jar",
            "hashes": [{"alg": "SHA-256", "content": jar.sha256}],
        }
        for jar in listed
    ]
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components}


def audit() -> int:
    """Ask for known vulnerabilities; 1 if there are any, 0 if none are known or nobody answers."""
    findings = [*_audit_python(), *_audit_dashboard()]
    print_not_tried(
        "Kafka's jars were NOT CHECKED: nothing in the locks asks about them. "
        "Give kafka.cdx.json of `make sbom` to a scanner."
    )
    if base_images.not_pinned():
        print_not_tried(base_images.summary())
    for finding in findings:
        print(f"vulnerable: {finding}")
    return 1 if findings else 0


def _audit_python() -> list[str]:
    found = list[str]()
    for lock in (ASKED_FIRST, SHIPPED):
        answer = _run([*PYTHON_AUDIT, "-r", str(lock)], paths.ROOT)
        checked, vulnerable, unknown = python_findings(answer.stdout)
        found += vulnerable
        if unknown or not checked:
            which = f"{unknown} of the" if checked else "the"
            print_not_tried(
                f"{which} Python packages were NOT CHECKED: the package index does not answer "
                f"that question (asked with {lock.name})"
            )
            break
        print(f"{lock.name}: {checked} Python packages checked")
    return found


def python_findings(answer: str) -> tuple[int, list[str], int]:
    """Of an answer of pip-audit: how many were checked, what was found, how many were not."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        return 0, [], 0
    skipped = sum(1 for one in packages if "skip_reason" in one)
    found = [
        f"{one['name']} {one['version']}: {flaw['id']}"
        for one in packages
        for flaw in one.get("vulns", ())
    ]
    return len(packages) - skipped, found, skipped


def _audit_dashboard() -> list[str]:
    answer = _run(["npm", "audit", "--package-lock-only", "--json"], DASHBOARD)
    found = node_findings(answer.stdout)
    if found is None:
        print_not_tried(
            "the dashboard's packages were NOT CHECKED: the registry does not answer that question"
        )
        return []
    print("the dashboard's packages were checked")
    return found


def node_findings(answer: str) -> list[str] | None:
    """Of an answer of npm: what was found; None if nothing was checked."""
    try:
        flaws = json.loads(answer)["vulnerabilities"]
    except (ValueError, KeyError):
        return None
    return [f"{name}: {flaw.get('severity', 'unknown')}" for name, flaw in flaws.items()]


def _output(command: list[str], folder: Path) -> str:
    done = _run(command, folder)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        raise CommandError(f"{Path(command[0]).name} failed: {last[0]}")
    return done.stdout


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=npm_environment(),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def main(arguments: list[str]) -> int:
    """The command line."""
    match arguments:
        case ["sbom"]:
            sbom(paths.ROOT / "out" / "sbom")
            return 0
        case ["sbom", folder]:
            sbom(Path(folder).resolve())
            return 0
        case ["audit"]:
            return audit()
    raise CommandError("usage: python -m devtools.supply_chain sbom [FOLDER] | audit")


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
