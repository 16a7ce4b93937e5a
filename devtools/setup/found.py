"""A program that was found on the machine or in a package, and how one of several is chosen."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Found:
    """A program: its name, version and path. `package` is the Python package that brought it."""

    name: str
    version: str
    path: Path
    package: str = ""

    @property
    def major(self) -> int:
        """The first number of the version."""
        return int(self.version.partition(".")[0])

    def __str__(self) -> str:
        origin = f"Python package {self.package}" if self.package else str(self.path)
        return f"{self.name} {self.version} ({origin})"


@dataclass
class Choice:
    """What was taken, and what was found but refused."""

    taken: Found | None = None
    refused: list[Found] = field(default_factory=list)

    def offer(self, found: Found, oldest: int) -> bool:
        """Take it if its major version is at least `oldest`; returns whether it was taken."""
        if found.major < oldest:
            if all(one.path != found.path for one in self.refused):
                self.refused.append(found)
            return False
        self.taken = found
        return True

    @property
    def on_machine(self) -> bool:
        """Whether something suitable is there that no package of ours brought."""
        return self.taken is not None and not self.taken.package
