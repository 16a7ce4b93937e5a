"""The ports of one stack, all on 127.0.0.1, each overridable by PAYDOWN_<NAME>_PORT."""

import itertools
import random
import socket
from collections.abc import Iterator, Mapping

from ops.errors import CommandError
from services import catalog

HOST = "127.0.0.1"
DEFAULTS = {
    "postgres": 54329,
    "kafka": 19092,
    "kafka_controller": 19093,  # the broker's own traffic
    "simulator": 8200,
    **{service.name: service.port for service in catalog.SERVICES},
}


class Ports(Mapping[str, int]):
    """{process: port} in start order: the defaults, except for what is chosen."""

    def __init__(self, **chosen: int) -> None:
        unknown = set(chosen) - set(DEFAULTS)
        if unknown:
            raise ValueError(f"no process {', '.join(sorted(unknown))}")
        self._ports = DEFAULTS | chosen

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Ports":
        """The defaults, except for the ports that PAYDOWN_<NAME>_PORT gives.

        Raises:
            CommandError: a value is no port, or two names have the same one.
        """
        ports = cls(
            **{
                name: _port(name, environment[variable(name)])
                for name in DEFAULTS
                if variable(name) in environment
            }
        )
        ports.check_distinct()
        return ports

    @classmethod
    def free(cls) -> "Ports":
        """Ports on which nothing listens now; for stacks of tests."""
        return cls(**dict(zip(DEFAULTS, free_ports(len(DEFAULTS)), strict=True)))

    def address(self, name: str) -> str:
        """`127.0.0.1:<port>` of a process."""
        return f"{HOST}:{self[name]}"

    def url(self, name: str) -> str:
        """`http://127.0.0.1:<port>` of a process."""
        return f"http://{self.address(name)}"

    def __getitem__(self, name: str) -> int:
        return self._ports[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ports)

    def __len__(self) -> int:
        return len(self._ports)

    def __repr__(self) -> str:
        return f"Ports({self._ports})"

    def check_distinct(self) -> None:
        """Refuse two names on one port.

        Raises:
            CommandError: names both variables.
        """
        seen: dict[int, str] = {}
        for name, port in self.items():
            if port in seen:
                raise CommandError(
                    f"{variable(seen[port])} and {variable(name)} are both {port}; "
                    f"give one of them another port"
                )
            seen[port] = name

    def check_free(self, needed: set[str]) -> None:
        """Refuse if something listens on one of these ports, before anything is started.

        Raises:
            CommandError: names the port and the variable that chooses another.
        """
        for name, port in self.items():
            if name in needed and not is_free(port):
                raise CommandError(
                    f"port {port} is taken by another program; stop it, "
                    f"or choose another with {variable(name)}=<port>"
                )


def variable(name: str) -> str:
    """The environment variable that overrides the port of a process."""
    return f"PAYDOWN_{name.upper()}_PORT"


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        # a closing connection of a server that has ended does not hinder a new one
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def is_listening(port: int, timeout_s: float = 0.5) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((HOST, port), timeout_s):
            return True
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """Different ports on which nothing listens.

    They are below those that the system gives to outgoing connections, so that a process that is
    restarted finds its port free.
    """
    found = (port for port in random.sample(range(20_000, 32_000), 12_000) if is_free(port))
    return list(itertools.islice(found, count))


def _port(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise CommandError(
            f"{variable(name)}={text!r} is not a port: give a number from 1 to 65535"
        )
    return int(text)
