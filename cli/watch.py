"""Watch a folder: upload each roster that appears in it once, and write the result beside it.

Whether a file was uploaded is decided by its contents (SHA-256), never by its name or by memory:

1. A file is taken when it has not changed for `settle_s` seconds and seems to have its end.
2. Its Idempotency-Key is made of its contents, so an upload whose answer was lost is found again
   by the next one, also after a restart; the gateway refuses the same bytes besides.
3. The result file is written after the answer, and a file with one is never uploaded again;
   unless it says `in-doubt`: then the next start asks again, under the same key.
"""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cli import result_files, roster_file
from cli.errors import REFUSED, REPEATED, CommandError
from cli.gateway_client import GatewayClient, RefusedByProxy, Roster, Unavailable
from cli.result_files import Result
from cli.roster_file import Fingerprint

ENDINGS = (".xml", ".xml.gz")
INCOMPLETE_WAIT_S = 60.0
BACK_OFF_MAX_S = 60.0
LOCK = ".paydown-watch.lock"
#: A batch in these statuses is still being read and checked.
UNDECIDED = frozenset({"receiving", "reading", "checking"})
FOLLOWED_FIELDS = (
    "status", "rows", "amount_cents", "issues", "to_acknowledge", "corrections_offered", "error",
)  # fmt: skip
KEY_PREFIX = "paydown-watch-"
#: The outcome of an upload without an answer that a proxy did not let through again.
IN_DOUBT = "in-doubt"

Report = Callable[[str, Result], object]


@dataclass
class Waiting:
    """A file that has not been taken yet, and since when it is unchanged (monotonic seconds)."""

    fingerprint: Fingerprint
    since_s: float


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder: two programs that watch it would race for its result files.

    Raises:
        CommandError: it is watched already, or cannot be written to.
    """
    try:
        with (folder / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError:
        raise CommandError(
            f"{folder} is watched by another process.", "Stop that one first.", code="folder.locked"
        ) from None
    except OSError as error:
        raise CommandError(
            f"{folder} cannot be written to: {error.strerror}.",
            "Result files are written beside the rosters: give the right to write there.",
            code="folder",
        ) from None


class FolderWatch:
    """What one process knows of a folder. Nothing of it is needed after a restart.

    Args:
        client: one that tries each call once; this class waits and repeats.
        report: called with `uploaded`, `checked` or `waiting`, and what is known.
    """

    def __init__(
        self,
        folder: Path,
        client: GatewayClient,
        report: Report,
        *,
        settle_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self.client, self.report = folder, client, report
        self.settle_s, self.clock = settle_s, clock
        self.waiting: dict[Path, Waiting] = {}
        self.done: dict[Path, Fingerprint] = {}
        self.refused = 0
        self.undecided = {p for p, found in result_files.results(folder) if _is_undecided(found)}
        self._not_before_s, self._back_off_s = 0.0, 1.0

    def look(self) -> bool:
        """Look once: take what is ready, and ask about batches that are still being checked.

        Returns:
            Whether something is left to wait for.

        Raises:
            CommandError: the token is refused, or a result file cannot be written.
        """
        files = self._new_files()
        if self.clock() < self._not_before_s:
            return True
        try:
            for path in files:
                self._look_at(path)
            undecided = self._follow()
        except Unavailable as error:
            self._back_off_s = min(self._back_off_s * 2, BACK_OFF_MAX_S)
            self._not_before_s = self.clock() + max(self._back_off_s, error.wait_s)
            self.report("waiting", error.fields())
            return True
        self._back_off_s = 1.0
        return bool(self.waiting) or undecided

    def _new_files(self) -> list[Path]:
        """The rosters that were not taken yet; notes since when each is unchanged."""
        found: dict[Path, Waiting] = {}
        for path in sorted(self.folder.iterdir()):
            if path.name.startswith(".") or not path.name.lower().endswith(ENDINGS):
                continue
            now = roster_file.fingerprint(path)
            if now is None or self.done.get(path) == now:
                continue
            before = self.waiting.get(path)
            is_same = before is not None and before.fingerprint == now
            found[path] = before if before and is_same else Waiting(now, self.clock())
        self.waiting = found
        return list(found)

    def _look_at(self, path: Path) -> None:
        waiting = self.waiting[path]
        unchanged_s = self.clock() - waiting.since_s
        if unchanged_s < self.settle_s:
            return
        try:
            content = roster_file.read(path)
        except roster_file.StillWritten:
            return
        except CommandError as error:
            if unchanged_s >= self.settle_s + INCOMPLETE_WAIT_S:
                self._finish(path, {**_refused(error), "sha256": ""})
            return
        if roster_file.fingerprint(path) != waiting.fingerprint:
            return
        is_patient = unchanged_s < self.settle_s + INCOMPLETE_WAIT_S
        if is_patient and not roster_file.looks_complete(content.data):
            return
        known = self._known(path, content.sha256)
        self._finish(path, known or self._upload(path, content))

    def _known(self, path: Path, sha256: str) -> Result | None:
        """The result of these contents, if they were uploaded under any name."""
        own = result_files.read(result_files.path_for(path))
        if own and own["sha256"] == sha256:
            if own["outcome"] != IN_DOUBT:
                return own
            self.client.unanswered.add(KEY_PREFIX + sha256)
        for _, other in result_files.results(self.folder):
            if other["sha256"] == sha256 and other.get("batch_id"):
                return {**other, "outcome": "already-uploaded", "same_as": other["file"]}
        return None

    def _upload(self, path: Path, content: roster_file.Content) -> Result:
        result: Result = {"sha256": content.sha256}
        roster = Roster(content.data, path.name, KEY_PREFIX + content.sha256)
        try:
            answer = self.client.upload(roster)
        except CommandError as error:
            if error.exit_code not in (REFUSED, REPEATED):
                raise
            return {**result, **_refused(error)}
        return {**result, "outcome": "uploaded", **answer}

    def _finish(self, path: Path, result: Result) -> None:
        """Write a result, unless it is the one that stands there; then the file is done."""
        result_path = result_files.path_for(path)
        before = result_files.read(result_path) or {}
        result = {**result, "file": path.name, "at": before.get("at")}
        if result != before:
            result["at"] = datetime.now(UTC).isoformat(timespec="seconds")
            result_files.write(result_path, result)
            self.refused += result["outcome"] in {"refused", IN_DOUBT}
            self.report("uploaded", result)
        if _is_undecided(result):
            self.undecided.add(result_path)
        self.done[path] = self.waiting.pop(path).fingerprint

    def _follow(self) -> bool:
        """Complete the results of batches that have been checked; whether one is left."""
        for path in sorted(self.undecided):
            result = result_files.read(path)
            if result is not None and _is_undecided(result):
                more = self._checked(result["batch_id"])
                if more["status"] in UNDECIDED:
                    continue
                result |= more
                result_files.write(path, result)
                self.refused += result["status"] == "rejected"
                self.report("checked", result)
            self.undecided.remove(path)
        return bool(self.undecided)

    def _checked(self, batch_id: str) -> Result:
        """What a result says of a batch."""
        try:
            batch = self.client.get(f"/batches/{batch_id}")
        except CommandError as error:
            if error.exit_code != REFUSED:
                raise
            return {"status": "unknown", "error": error.fields()}
        return {name: batch[name] for name in FOLLOWED_FIELDS}


def _is_undecided(result: Result) -> bool:
    """Whether a result names a batch that was still being checked when it was written."""
    return bool(result.get("batch_id")) and result.get("status", "reading") in UNDECIDED


def _refused(error: CommandError) -> Result:
    """The result of an upload that was refused, is there already, or may have been taken."""
    if error.exit_code == REPEATED:
        return {"outcome": "already-uploaded", "batch_id": error.more.get("batch_id")}
    is_in_doubt = isinstance(error, RefusedByProxy) and error.in_doubt
    return {"outcome": IN_DOUBT if is_in_doubt else "refused", "error": error.fields()}
