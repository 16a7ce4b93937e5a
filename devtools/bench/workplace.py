"""Where rows of the table are measured: servers, databases and a stack that they share."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

from devtools import paths, test_servers
from devtools.bench.paying import Paying
from devtools.bench.setting import Setting, prepared
from devtools.stack.local_stack import demo_stack
from devtools.stack.stack import Stack
from libs.common.database import migrate
from ops import provision

FULL = 50_000


@dataclass
class Workplace:
    """Servers start when a row first asks for them, and end with the workplace.

    PostgreSQL writes to the disk before it acknowledges (fsync and synchronous_commit on).

    Args:
        rows: what stands for 50,000 rows in a trial; every other size shrinks alike.
    """

    rows: int = FULL
    shared: ExitStack = field(default_factory=ExitStack)
    _stack: Stack | None = None
    _paying: Paying | None = None
    _stack_env: Mapping[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_stack()
        self.shared.close()

    def size(self, full: int, least: int = 1) -> int:
        """A size of the full table as it is in this one."""
        return max(least, full * self.rows // FULL)

    @cached_property
    def postgres_url(self) -> str:
        """An administrator's URL."""
        return self.shared.enter_context(test_servers.temporary_postgres(durable=True))

    @cached_property
    def kafka(self) -> str:
        """A broker's address."""
        return self.shared.enter_context(test_servers.temporary_kafka()).bootstrap

    @cached_property
    def messages(self) -> Setting:
        """A database and topics for the loop and the relay."""
        count = self.size(30_000, least=1_000)
        return self.shared.enter_context(prepared(count, self.postgres_url, self.kafka))

    @contextmanager
    def database(self, service: str) -> Iterator[tuple[str, str]]:
        """A migrated database of a service: the URLs of its role and of the owner's."""
        prefix = f"bench_{uuid.uuid4().hex[:10]}"
        service_url, owner_url = provision.create(self.postgres_url, service, prefix)
        try:
            migrate.upgrade(owner_url, paths.ROOT / "services" / service / "migrations")
            yield service_url, owner_url
        finally:
            provision.drop(self.postgres_url, service, prefix)

    def stack(self, **env: str) -> Stack:
        """The throw-away stack with these variables; the one that runs, if it has the same."""
        if self._stack is None or self._stack_env != env:
            self.end_stack()
            self._stack, self._stack_env = demo_stack(lambda _: None), env
            self._stack.environment |= env
            self._stack.up()
        return self._stack

    def paying(self) -> Paying:
        """The rosters that are paid on the throw-away stack without a limit."""
        stack = self.stack()
        if self._paying is None or self._paying.stack is not stack:
            self._paying = Paying(stack)
        return self._paying

    def end_stack(self) -> None:
        """Stop the stack if one runs."""
        if self._stack is not None:
            self._stack.down()
            self._stack = None
