"""The command line of operators, in the container image: `python -m ops COMMAND --help`.

Each command is imported when it is called: `healthcheck` runs every three seconds in every
container, and needs neither database drivers nor Kafka.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ops.errors import CommandError, exit_code
from services import catalog

Command = Callable[[argparse.Namespace], int]
AddCommand = Callable[[str, Command, str], argparse.ArgumentParser]
DESCRIPTION = (
    "What operators do beside the services. A command that cannot do its work says why in one "
    "sentence and ends with exit code 2. A second call of a command does no harm."
)


def main(arguments: Sequence[str]) -> int:
    """Exit code 0; 1 if `healthcheck` finds the service not ready; 2 with one sentence."""
    given = _parser().parse_args(arguments)
    command: Command = given.command
    return exit_code(lambda: command(given))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops", description=DESCRIPTION)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
        made.set_defaults(command=command)
        return made

    _add_installation(add)
    _add_keys(add)
    add(
        "healthcheck",
        _healthcheck,
        "whether the address in HEALTH_URL answers 200: exit code 0 or 1",
    )
    _add_recovery(add)
    _add_audit(add)
    _add_forget(add)
    return parser


def _add_installation(add: AddCommand) -> None:
    add(
        "provision",
        _provision,
        "make a database and two roles for each service where they are missing; reads the files "
        "named by DATABASE_URL_FILE (an administrator's) and DATABASE_SECRET_FILE",
    )
    secrets = add(
        "secrets",
        _secrets,
        "make every secret of an installation once, one folder for each container; POSTGRES_AT "
        "(default postgres:5432) is the database server as containers reach it",
    )
    secrets.add_argument("folder", type=Path, help="a secret that is there stays as it is")


def _add_keys(add: AddCommand) -> None:
    rotate = add(
        "rotate-keys",
        _rotate_keys,
        "replace the encryption key of personal fields, in two steps (docs/runbooks/keys.md)",
    )
    rotate.add_argument(
        "step",
        choices=("add", "use"),
        help="add: a new key decrypts; then restart every process; use: the new key encrypts",
    )
    rotate.add_argument(
        "path",
        type=Path,
        help="a keys.json, a file with nothing but the keys, or the folder made by `secrets`",
    )
    signing = add(
        "rotate-signing-keys",
        _rotate_signing_keys,
        "replace the keys that sign messages, in two steps (docs/runbooks/keys.md)",
    )
    signing.add_argument(
        "step",
        choices=("add", "use"),
        help="add: new keys are accepted; then restart every process; use: the new keys sign",
    )
    signing.add_argument("path", type=Path, help="a keys.json, or the folder made by `secrets`")
    usage = add(
        "key-usage",
        _key_usage,
        "show which encryption keys are in use, and for how many values (docs/runbooks/keys.md)",
    )
    _add_names(usage, catalog.ENCRYPTING, "*")


def _add_forget(add: AddCommand) -> None:
    forget = add(
        "forget",
        _forget,
        "destroy the key of a person, while ingest is stopped: nobody can read the person's fields "
        "any more; amounts and books stay (docs/runbooks/forget-a-person.md)",
    )
    forget.add_argument("employee_id", help="as in the roster")
    forget.add_argument(
        "path", type=Path, help="the keys, as for rotate-keys: a file, or the folder of `secrets`"
    )
    forget.add_argument("--by", required=True, help="the administrator who wants it")
    forget.add_argument("--reason", required=True, help="why; kept in the audit log")


def _add_audit(add: AddCommand) -> None:
    audit = add(
        "audit",
        _audit,
        "export the gateway's audit log as JSON lines, and verify that no line was changed or "
        "removed; the last line of stderr is what to give to --kept the next time",
    )
    audit.add_argument("--after", type=int, default=0, help="print only later lines than this one")
    audit.add_argument("--kept", default="", help="number:hash of a line of an earlier export")
    audit.add_argument("--ocsf", action="store_true", help="as OCSF events (API Activity)")


def _add_recovery(add: AddCommand) -> None:
    quarantine = add(
        "quarantine",
        _quarantine,
        "mark databases that came back from a backup, before their services start: they stay "
        "read-only until two people release them (docs/runbooks/restore.md)",
    )
    _add_names(quarantine, catalog.QUARANTINABLE, "+")
    republish = add(
        "republish",
        _republish,
        "fill a broker that has lost its topics from the outboxes of stopped services; "
        "`watch [SERVICE …]` counts what is still to be sent and read "
        "(docs/runbooks/broker-lost.md)",
    )
    _add_names(republish, ("all", "watch", *catalog.NAMES), "+")


def _add_names(parser: argparse.ArgumentParser, known: Sequence[str], count: str) -> None:
    def one_of_them(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(known)}")
        return text

    parser.add_argument(
        "names", nargs=count, type=one_of_them, metavar="SERVICE", help=", ".join(known)
    )


def _provision(_given: argparse.Namespace) -> int:
    from ops import provision  # noqa: PLC0415 - see the module's docstring, here and below

    provision.provision_all()
    return 0


def _secrets(given: argparse.Namespace) -> int:
    from ops import secret_files  # noqa: PLC0415 - a command loads what it needs

    secret_files.make_secrets(given.folder, os.environ.get("POSTGRES_AT", "postgres:5432"))
    return 0


def _rotate_keys(given: argparse.Namespace) -> int:
    from ops import rotate_keys  # noqa: PLC0415 - a command loads what it needs

    print(rotate_keys.rotate(given.step, given.path).message)
    return 0


def _rotate_signing_keys(given: argparse.Namespace) -> int:
    from ops import rotate_signing_keys  # noqa: PLC0415 - a command loads what it needs

    print(rotate_signing_keys.rotate(given.step, given.path))
    return 0


def _key_usage(given: argparse.Namespace) -> int:
    from ops import key_usage  # noqa: PLC0415 - a command loads what it needs

    key_usage.print_key_usage(given.names or catalog.ENCRYPTING)
    return 0


def _audit(given: argparse.Namespace) -> int:
    from ops import audit_log, audit_ocsf  # noqa: PLC0415 - a command loads what it needs

    kept = audit_log.parse_kept(given.kept) if given.kept else None
    write = audit_ocsf.as_ocsf if given.ocsf else audit_log.as_json
    audit_log.export(given.after, kept, write)
    return 0


def _forget(given: argparse.Namespace) -> int:
    from ops import forget  # noqa: PLC0415 - a command loads what it needs

    forget.forget(forget.Order(given.employee_id, given.by, given.reason), given.path)
    return 0


def _healthcheck(_given: argparse.Namespace) -> int:
    from ops import healthcheck  # noqa: PLC0415 - a command loads what it needs

    return 0 if healthcheck.is_ready() else 1


def _quarantine(given: argparse.Namespace) -> int:
    from ops import quarantine  # noqa: PLC0415 - a command loads what it needs

    quarantine.quarantine_databases(given.names)
    return 0


def _republish(given: argparse.Namespace) -> int:
    from ops import republish  # noqa: PLC0415 - a command loads what it needs

    match given.names:
        case ["watch", *names] if set(names) <= set(catalog.NAMES):
            republish.watch(republish.require_topics(names or catalog.NAMES))
        case ["all"]:
            republish.republish(republish.require_topics(catalog.NAMES))
        case names if set(names) <= set(catalog.NAMES):
            republish.republish(republish.require_topics(names))
        case _:
            raise CommandError("say `all`, `watch [SERVICE …]` or the services")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
