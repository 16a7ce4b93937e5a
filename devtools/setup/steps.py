"""Steps of a set-up that run side by side: their child processes, progress, and what they say.

Without a terminal a step is two lines, when it begins and when it has ended. On a terminal the last
line shows meanwhile how far each of them is.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Self

from devtools.setup import failures
from ops.errors import CommandError

STALL_S = 15.0  # said before 20 seconds have passed without a byte
END_S = 1.0  # between the request to end and the kill
POLL_S = 0.2


class ChildFailed(Exception):
    """A child process failed; all that it printed."""


class ChildEnded(ChildFailed):
    """A child process was ended, or not started, because something else had failed."""


class Steps:
    """The steps of one set-up. Leaving the context ends the children that still run."""

    def __init__(self) -> None:
        self.ended = False
        self._children: set[subprocess.Popen[str]] = set()
        self._running: dict[str, str] = {}
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_children()

    def side_by_side(self, *tasks: Callable[[], None]) -> None:
        """Run tasks at once; when one fails or we are interrupted, the others' children end.

        Raises:
            Exception: the first failure, not what it caused in the others.
        """
        with ThreadPoolExecutor(len(tasks)) as pool:
            futures = {pool.submit(task) for task in tasks}
            try:
                while wait(futures, POLL_S, FIRST_EXCEPTION).not_done:
                    if any(future.done() and future.exception() for future in futures):
                        break
                    self._show()
            finally:
                if not all(future.done() and not future.exception() for future in futures):
                    self.end_children()
        for future in sorted(futures, key=lambda one: isinstance(one.exception(), ChildEnded)):
            future.result()

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print what is being done, and how long it took."""
        began = time.monotonic()
        self.say(f"{title} …")
        self._running[title] = ""
        try:
            yield
        finally:
            del self._running[title]
        self.say(f"{title}: {time.monotonic() - began:.0f} s")

    def progress(self, title: str, text: str) -> None:
        """How far a step is, for the terminal."""
        self._running[title] = text

    def say(self, line: str) -> None:
        """Print a line."""
        with self._lock:
            print(f"{_clear()}{line}", flush=True)

    def complain(self, title: str, text: str) -> None:
        """Say what goes wrong in a step, if none of its children has just said so."""
        with self._lock:
            is_first = time.monotonic() - self._said.get(title, -STALL_S) >= STALL_S
            self._said[title] = time.monotonic()
        if is_first:
            self.say(f"{title}: {text}")

    def run(
        self,
        title: str,
        command: list[str],
        environment: Mapping[str, str] | None = None,
        growing: tuple[Path, ...] = (),
        on_line: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Run a child process to its end.

        Args:
            title: the step that it belongs to.
            command: the program and its arguments.
            environment: the whole environment; default: ours.
            growing: folders in which files grow while something arrives. When nothing has changed
                in them for 15 seconds, a line says so.
            on_line: called with each line it prints.

        Raises:
            ChildFailed: it failed; with its output.
        """
        watch = _Watch(growing)
        child = self._start(command, environment)
        output: list[str] = []

        def read() -> None:
            for line in child.stdout or ():
                output.append(line)
                on_line(line)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            while child.poll() is None:
                if watch.stalled():
                    self.complain(
                        title,
                        f"nothing has arrived for {STALL_S:.0f} s: no network, a slow mirror, or "
                        f"a stall ({failures.proxy() or 'no proxy is set'}); still trying, "
                        f"Ctrl-C ends it",
                    )
                if watch.bytes:
                    self.progress(title, f"{watch.bytes / 1e6:.0f} MB")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(POLL_S)
            reader.join(END_S)
        finally:
            if child.returncode is not None:  # else we are interrupted, and it still runs
                self._children.discard(child)
        if child.returncode:
            raise (ChildEnded if self.ended else ChildFailed)("".join(output))

    def end_children(self) -> None:
        """End all children and their children, with force after a second."""
        self.ended = True
        for how in (signal.SIGTERM, signal.SIGKILL):
            until = time.monotonic() + END_S
            for child in list(self._children):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, how)
            while self._children and time.monotonic() < until:
                if all(child.poll() is not None for child in list(self._children)):
                    return
                time.sleep(0.02)

    def _start(
        self, command: list[str], environment: Mapping[str, str] | None
    ) -> subprocess.Popen[str]:
        if self.ended:
            raise ChildEnded("interrupted")
        child = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            start_new_session=True,  # a group of its own, that can be ended as a whole
        )
        self._children.add(child)
        return child

    def _show(self) -> None:
        if sys.stdout.isatty() and self._running:
            parts = [f"{title} {text}".strip() for title, text in list(self._running.items())]
            width = shutil.get_terminal_size().columns - 1
            with self._lock:
                print(f"{_clear()}{' · '.join(parts)[:width]}", end="", flush=True)


class _Watch:
    """Whether files in some folders still grow."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self.folders, self.bytes, self.looked_at = folders, 0, 0.0
        self.moved()

    def moved(self) -> None:
        """Something has arrived."""
        self.moved_at, self.said = time.monotonic(), False

    def stalled(self) -> bool:
        """Whether to say now that nothing arrives; once for each stall."""
        now = time.monotonic()
        if now - self.looked_at > 1:
            self.looked_at = now
            size = sum(_size(folder) for folder in self.folders)
            if size != self.bytes:
                self.bytes = size
                self.moved()
        if self.said or not self.folders or now - self.moved_at < STALL_S:
            return False
        self.said = True
        return True


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118  # thousands
    return total


def _clear() -> str:
    return "\r\x1b[K" if sys.stdout.isatty() else ""


def in_words(what: str, error: ChildFailed) -> Exception:
    """The error for people: what could not be done and why."""
    if isinstance(error, ChildEnded):
        return error
    return CommandError(f"{what}: {failures.explain(str(error))}")
