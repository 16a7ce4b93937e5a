"""A watched folder: once for each content, whole files only, and a result for each file."""

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.__main__ import main
from cli.context import Context
from cli.errors import CommandError
from cli.gateway_client import GatewayClient
from cli.settings import GatewaySettings
from cli.tests.fake_gateway import TOKEN, FakeGateway, problem
from cli.watch import FolderWatch, locked

SETTLE_S = 5.0
ROSTER = "<root><row/></root>"


class Watched:
    """A folder, a gateway, and a clock that tests move."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.gateway, self.now_s = folder, FakeGateway(), 0.0
        self.events: list[str] = []
        self.restart()

    def restart(self) -> None:
        client = GatewayClient(
            GatewaySettings("https://paydown.example.com", TOKEN), self.gateway.transport(), tries=1
        )
        self.watch = FolderWatch(
            self.folder,
            client,
            lambda event, _: self.events.append(event),
            settle_s=SETTLE_S,
            clock=lambda: self.now_s,
        )

    def drop(self, name: str, text: str | bytes = ROSTER) -> Path:
        file = self.folder / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def look(self, seconds: float = 0.0) -> bool:
        self.now_s += seconds
        return self.watch.look()

    def take(self) -> None:
        """Look, wait until files are settled, look again."""
        self.look()
        self.look(SETTLE_S)

    def result(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"{name}.result.json").read_text())
        return found


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_file_is_uploaded_once_and_its_result_is_beside_it(watched: Watched) -> None:
    watched.drop("a.xml")
    watched.take()
    watched.look(SETTLE_S)
    (batch_id,) = watched.gateway.batches
    result = watched.result("a.xml")
    assert (result["outcome"], result["batch_id"], result["file"]) == (
        "uploaded",
        batch_id,
        "a.xml",
    )
    assert len(watched.gateway.uploads()) == 1
    assert watched.events == ["uploaded"]


def test_the_result_is_completed_when_the_batch_is_checked(watched: Watched) -> None:
    watched.drop("a.xml")
    watched.take()
    assert watched.look()
    (batch_id,) = watched.gateway.batches
    watched.gateway.check(batch_id, to_acknowledge=["W_TWO"])
    watched.restart()  # it is found again after a restart
    assert not watched.look() or not watched.look(SETTLE_S)
    assert watched.result("a.xml")["status"] == "ready"
    assert watched.result("a.xml")["to_acknowledge"] == ["W_TWO"]


def test_a_file_that_still_grows_is_not_taken(watched: Watched) -> None:
    for number in range(1, 6):
        watched.drop("a.xml", "<root>" + "<row/>" * number + "</root>")
        watched.look(SETTLE_S)
    assert watched.gateway.requests == []
    watched.look(SETTLE_S)
    assert watched.gateway.uploads()[0].content.count(b"<row/>") == 5


@pytest.mark.parametrize(
    "part", [b"<root><row/>", b"<?xml version='1.0'?>\n<root><row></row>", gzip.compress(b"x")[:-4]]
)
def test_a_file_without_its_end_waits_longer_and_then_gets_its_refusal(
    watched: Watched, part: bytes
) -> None:
    watched.drop("a.xml", part)
    watched.take()
    watched.look(55)
    assert watched.gateway.requests == []
    watched.look(10)
    assert watched.gateway.uploads()[0].content == part


def test_a_file_that_changes_after_the_look_and_before_the_reading_is_left(
    watched: Watched,
) -> None:
    file = watched.drop("a.xml")
    watched.look()
    reads_of_the_clock: list[float] = []

    def clock() -> float:
        reads_of_the_clock.append(watched.now_s)
        if len(reads_of_the_clock) == 2:  # the first is of the look, the second of the file
            file.write_text(ROSTER + "<!-- more -->")
        return watched.now_s

    watched.watch.clock = clock
    watched.look(SETTLE_S)
    assert len(reads_of_the_clock) == 2
    assert watched.gateway.requests == []


def lose_answer() -> None:
    raise httpx.ReadError("cut")


def test_an_upload_whose_answer_was_lost_is_found_again_after_a_restart(watched: Watched) -> None:
    watched.drop("a.xml")
    watched.gateway.after.append(lose_answer)
    watched.take()
    assert not (watched.folder / "a.xml.result.json").exists()
    watched.restart()
    watched.take()
    (batch_id,) = watched.gateway.batches
    assert watched.result("a.xml")["batch_id"] == batch_id
    assert watched.result("a.xml")["outcome"] == "uploaded"
    keys = {one.headers["idempotency-key"] for one in watched.gateway.uploads()}
    assert len(keys) == 1


def test_a_result_that_cannot_be_written_is_written_after_a_restart(watched: Watched) -> None:
    watched.drop("a.xml")
    obstacle = watched.folder / ".a.xml.result.json.part"
    obstacle.mkdir()
    with pytest.raises(CommandError, match="cannot be written"):
        watched.take()
    obstacle.rmdir()
    watched.restart()
    watched.take()
    assert watched.result("a.xml")["batch_id"] in watched.gateway.batches
    assert len(watched.gateway.batches) == 1


def test_a_restart_uploads_nothing_that_has_a_result(watched: Watched) -> None:
    watched.drop("a.xml")
    watched.take()
    before = watched.result("a.xml")
    watched.restart()
    watched.take()
    assert len(watched.gateway.uploads()) == 1
    assert watched.result("a.xml") == before


def test_the_same_contents_under_another_name_are_not_uploaded(watched: Watched) -> None:
    watched.drop("a.xml")
    watched.take()
    (batch_id,) = watched.gateway.batches
    watched.gateway.batches[batch_id]["status"] = "discarded"  # the gateway would take them again
    watched.drop("b.xml")
    watched.take()
    assert len(watched.gateway.uploads()) == 1
    result = watched.result("b.xml")
    assert (result["outcome"], result["same_as"]) == ("already-uploaded", "a.xml")


def test_other_contents_under_the_same_name_are_a_new_batch_and_both_results_stay(
    watched: Watched,
) -> None:
    watched.drop("a.xml")
    watched.take()
    before = watched.result("a.xml")
    watched.drop("a.xml", "<root><row/><row/></root>")
    watched.take()
    assert len(watched.gateway.batches) == 2
    assert watched.result(f"a.xml.{before['sha256'][:8]}") == before
    assert watched.result("a.xml")["batch_id"] != before["batch_id"]


def test_a_file_that_a_person_uploaded_before_is_named_with_its_batch(watched: Watched) -> None:
    watched.drop("a.xml")
    batch_id = "00000000-0000-4000-8000-000000000001"
    watched.gateway.before = [
        lambda _: problem(409, "upload.repeated", batch_id=batch_id),
    ]
    watched.take()
    assert watched.result("a.xml")["outcome"] == "already-uploaded"
    assert watched.result("a.xml")["batch_id"] == batch_id


def test_an_upload_that_was_cut_is_sent_again(watched: Watched) -> None:
    watched.drop("a.xml")

    def cut(_: httpx.Request) -> None:
        raise httpx.WriteError("cut")

    watched.gateway.before = [cut]
    watched.take()
    watched.look(60)
    assert watched.result("a.xml")["outcome"] == "uploaded"
    assert len(watched.gateway.batches) == 1


def test_a_refused_file_has_the_reason_and_is_not_sent_again(watched: Watched) -> None:
    watched.drop("a.xml")
    watched.gateway.before = [lambda _: problem(413, "upload.too-large")]
    watched.take()
    watched.restart()
    watched.take()
    result = watched.result("a.xml")
    assert (result["outcome"], result["error"]["code"]) == ("refused", "upload.too-large")
    assert len(watched.gateway.uploads()) == 1


def page(status: int) -> Callable[[httpx.Request], httpx.Response]:
    """A page that a proxy sends by itself."""
    return lambda _: httpx.Response(status, text="<html>", headers={"content-type": "text/html"})


@pytest.mark.parametrize("status", [408, 429])
def test_a_proxy_that_says_not_now_is_no_result(watched: Watched, status: int) -> None:
    watched.drop("a.xml")
    watched.gateway.before = [page(status)]
    watched.take()
    assert not (watched.folder / "a.xml.result.json").exists()
    watched.look(60)
    assert watched.result("a.xml")["outcome"] == "uploaded"


def test_a_proxy_s_refusal_after_a_look_without_an_answer_is_in_doubt_until_the_next_start(
    watched: Watched,
) -> None:
    watched.drop("a.xml")
    watched.gateway.after = [lose_answer]
    watched.gateway.before = [lambda _: None, page(413), page(413)]
    watched.take()
    watched.look(60)
    (batch_id,) = watched.gateway.batches
    first = watched.result("a.xml")
    assert first["outcome"] == "in-doubt"
    assert "Nothing was taken" not in first["error"]["detail"]
    assert watched.watch.refused == 1
    watched.restart()
    watched.take()
    assert watched.result("a.xml") == first  # still in doubt: the proxy refuses as before
    watched.restart()
    watched.take()
    found = watched.result("a.xml")
    assert (found["outcome"], found["batch_id"]) == ("uploaded", batch_id)
    assert len(watched.gateway.batches) == 1


def test_an_outage_is_waited_out_ever_more_slowly(watched: Watched) -> None:
    watched.drop("a.xml")
    watched.gateway.before = [lambda _: problem(503, "database.away")] * 3
    watched.take()
    watched.look(1)
    assert len(watched.gateway.uploads()) == 1  # the second try is 2 s after the first
    for _ in range(20):
        watched.look(1)
    assert watched.events == ["waiting", "waiting", "waiting", "uploaded"]
    assert len(watched.gateway.batches) == 1


def test_a_refused_token_ends_the_watch(watched: Watched) -> None:
    watched.drop("a.xml")
    watched.gateway.before = [lambda _: problem(401, "auth.required")]
    with pytest.raises(CommandError) as raised:
        watched.take()
    assert raised.value.exit_code == 3
    assert not (watched.folder / "a.xml.result.json").exists()


def test_other_files_hidden_files_and_links_are_left_alone(watched: Watched) -> None:
    outside = watched.drop("outside.txt")
    watched.drop(".hidden.xml")
    watched.drop("a.xml.part")
    (watched.folder / "link.xml").symlink_to(outside)
    (watched.folder / "folder.xml").mkdir()
    watched.take()
    assert watched.gateway.requests == []


def test_a_folder_is_watched_by_one_process(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(CommandError, match="another process"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_once_ends_with_1_if_a_file_was_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = FakeGateway()
    environ = {"PAYDOWN_TOKEN": TOKEN}
    (tmp_path / "a.xml").write_text(ROSTER)
    gateway.before = [lambda _: problem(413, "upload.too-large")]
    arguments = ["watch", str(tmp_path), "--once", "--settle", "0.05", "--every", "0.05", "--json"]
    assert main(arguments, Context(environ, gateway.transport(), clock=time.monotonic)) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["outcome"] == "refused"
    assert main(arguments, Context(environ, gateway.transport())) == 0
