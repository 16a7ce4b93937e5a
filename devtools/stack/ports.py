"""The ports of one stack, all on 127.0.0.1, each overridable by PAYDOWN_<NAME>_PORT."""

import itertools
import random
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from ops.errors import CommandError

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """Where each process listens. `kafka_controller` is the broker's talk with itself."""

    postgres: int = 54329
    kafka: int = 19092
    kafka_controller: int = 19093
    simulator: int = 8200
    ingest: int = 8101
    dispatcher: int = 8102
    webhooks: int = 8103
    ledger: int = 8104
    reports: int = 8105
    gateway: int = 8080

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Ports":
        """The defaults, and what PAYDOWN_<NAME>_PORT says instead.

        Raises:
            CommandError: a value is no port, or two names have the same one.
        """
        chosen = {
            field.name: _port(field.name, environment.get(variable(field.name)))
            for field in fields(cls)
        }
        found = {name: port for name, port in chosen.items() if port is not None}
        ports = cls(**found)
        ports.check_distinct()
        return ports

    @classmethod
    def free(cls) -> "Ports":
        """Ports on which nothing listens now; for stacks of tests."""
        names = [field.name for field in fields(cls)]
        return cls(**dict(zip(names, free_ports(len(names)), strict=True)))

    def items(self) -> list[tuple[str, int]]:
        """(name, port) in the order of the flow."""
        return list(asdict(self).items())

    def check_distinct(self) -> None:
        """Refuse two names on one port.

        Raises:
            CommandError: names both variables.
        """
        seen: dict[int, str] = {}
        for name, port in self.items():
            if port in seen:
                raise CommandError(
                    f"{variable(seen[port])} and {variable(name)} are both {port}; give one of them another port"
                )
            seen[port] = name

    def check_free(self, needed: set[str]) -> None:
        """Refuse if something listens on one of the ports already, before anything is started.

        Raises:
            CommandError: names the port and the variable that chooses another.
        """
        for name, port in self.items():
            if name in needed and not is_free(port):
                raise CommandError(
                    f"port {port} is taken by another program; stop it, or choose another with {variable(name)}=<port>"
                )


def variable(name: str) -> str:
    """The environment variable that overrides the port of `name`."""
    return f"PAYDOWN_{name.upper()}_PORT"


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # a closing connection of a server that has ended is no obstacle
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def is_listening(port: int, timeout_s: float = 0.5) -> bool:
    """Whether something takes connections there."""
    try:
        with socket.create_connection((HOST, port), timeout_s):
            return True
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """Different ports on which nothing listens; below those the system gives to outgoing connections, so that a restart finds them free."""
    found = (port for port in random.sample(range(20_000, 32_000), 12_000) if is_free(port))
    return list(itertools.islice(found, count))


def _port(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise CommandError(
            f"{variable(name)}={text!r} is not a port: give a number from 1 to 65535"
        )
    return int(text)
