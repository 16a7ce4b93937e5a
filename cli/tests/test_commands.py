"""What each command prints, its exit code, and what it never does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from cli.__main__ import main
from cli.context import Context
from cli.tests.fake_gateway import TOKEN, ZERO_ROWS, FakeGateway, problem

ENVIRON = {"PAYDOWN_URL": "https://paydown.example.com/", "PAYDOWN_TOKEN": TOKEN}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    file = tmp_path / "roster.xml"
    file.write_text("<root></root>")
    return file


@pytest.fixture
def run(gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command: its exit code, stdout and stderr."""

    def run(*arguments: object, **environ: str) -> tuple[int, str, str]:
        context = Context({**ENVIRON, **environ}, gateway.transport(), sleep=lambda _: None)
        code = main([str(one) for one in arguments], context)
        return code, *capsys.readouterr()

    return run


def uploaded(run: Run, roster: Path) -> str:
    return str(json.loads(run("upload", roster, "--json")[1])["batch_id"])


def test_an_upload_prints_the_batch(run: Run, gateway: FakeGateway, roster: Path) -> None:
    code, out, _ = run("upload", roster, "--period", "2026-11-20")
    assert code == 0
    (batch_id,) = gateway.batches
    assert out == f"batch {batch_id}: reading\n"
    (request,) = gateway.uploads()
    assert request.content == b"<root></root>"
    assert dict(request.url.params) == {"filename": "roster.xml", "period": "2026-11-20"}
    assert request.headers["content-type"] == "application/xml"


def test_the_same_file_again_is_exit_code_5_with_its_batch(run: Run, roster: Path) -> None:
    first = uploaded(run, roster)
    code, out, _ = run("upload", roster, "--json")
    assert code == 5
    assert json.loads(out)["error"]["batch_id"] == first
    assert run("upload", roster, "--repeat-reason", "a second bonus")[0] == 0


def test_a_file_is_uploaded_again_after_its_batch_was_discarded(
    run: Run, gateway: FakeGateway, roster: Path
) -> None:
    first = uploaded(run, roster)
    gateway.batches[first]["status"] = "discarded"
    assert uploaded(run, roster) != first


def lose_answer() -> None:
    raise httpx.ReadError("the connection was cut")


def test_an_answer_that_is_lost_is_asked_for_again_under_the_same_key(
    run: Run, gateway: FakeGateway, roster: Path
) -> None:
    gateway.after.append(lose_answer)
    assert run("upload", roster)[0] == 0
    assert len(gateway.batches) == 1
    assert len({one.headers["idempotency-key"] for one in gateway.uploads()}) == 1
    assert len(gateway.uploads()) == 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(401, "auth.required"), 3),
        (problem(403, "auth.forbidden"), 3),
        (problem(415, "upload.encoding"), 1),
        (httpx.Response(302, headers={"location": "https://elsewhere.example"}), 1),
        (problem(503, "database.away"), 4),
        (problem(409, "idempotency.in-progress"), 4),
        (problem(429, "rate.limited"), 4),
        (httpx.Response(502, text="<html>bad gateway"), 4),
        (httpx.Response(413, text="<html>too large"), 1),
        (httpx.Response(403, text="<html>forbidden"), 3),
        (httpx.Response(200, text="<html>a page"), 2),
    ],
)
def test_each_kind_of_refusal_has_its_exit_code(
    run: Run, gateway: FakeGateway, roster: Path, answer: httpx.Response, code: int
) -> None:
    gateway.before = [lambda _: answer] * 9
    got, out, error = run("upload", roster)
    assert (got, out) == (code, "")
    assert error.startswith("paydown: ")
    assert len(error.splitlines()) == 3  # what happened, whether money is affected, what to do
    assert gateway.batches == {}


def test_no_answer_at_all_is_exit_code_4(run: Run, gateway: FakeGateway) -> None:
    def refuse(_: httpx.Request) -> None:
        raise httpx.ConnectError("Connection refused")

    gateway.before = [refuse] * 9
    code, _, error = run("status")
    assert code == 4
    assert "Connection refused" in error


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"PAYDOWN_TOKEN": ""}, "There is no token"),
        ({"PAYDOWN_TOKEN": "two words"}, "The token is not one"),
        ({"PAYDOWN_URL": "http://paydown.example.com"}, "unencrypted"),
        ({"PAYDOWN_URL": "https://me:secret@paydown.example.com"}, "not the address"),
        ({"PAYDOWN_URL": "paydown.example.com"}, "not the address"),
        ({"PAYDOWN_URL": "http://127.0.0.1.example.com"}, "unencrypted"),
    ],
)
def test_a_wrong_setting_is_exit_code_2_and_nothing_is_sent(
    run: Run, gateway: FakeGateway, environ: dict[str, str], words: str
) -> None:
    code, _, error = run("status", **environ)
    assert code == 2
    assert words in error
    assert "secret" not in error
    assert gateway.requests == []


def test_the_token_is_read_from_a_file(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert run("--token-file", file, "status", PAYDOWN_TOKEN="")[0] == 0
    assert run("--token-file", file, "status")[0] == 2  # PAYDOWN_TOKEN is there too
    assert run("--token-file", tmp_path / "none", "status", PAYDOWN_TOKEN="")[0] == 2


def test_no_command_takes_a_token_as_an_argument(run: Run, roster: Path) -> None:
    assert run("--token", TOKEN, "status")[0] == 2
    assert run("upload", roster, "--token", TOKEN)[0] == 2


def test_approving_is_refused_in_words_and_nothing_is_sent(run: Run, gateway: FakeGateway) -> None:
    code, out, _ = run("approve", uuid4(), "--digest", "sha256:0", "--json")
    assert code == 2
    assert json.loads(out)["error"]["code"] == "approve.person"
    assert gateway.requests == []


def test_the_only_unsafe_request_of_all_commands_is_the_upload(
    run: Run, gateway: FakeGateway, roster: Path, tmp_path: Path
) -> None:
    batch_id = uploaded(run, roster)
    gateway.check(batch_id)
    for command in (
        ["upload", roster, "--wait"],
        ["status"],
        ["status", batch_id],
        ["preview"],
        ["reports", batch_id, "--out", tmp_path / "out"],
        ["watch", tmp_path, "--once", "--settle", 0, "--every", 0.05],
    ):
        run(*command)
    unsafe = {(r.method, r.url.path) for r in gateway.requests if r.method != "GET"}
    assert unsafe == {("POST", "/api/v1/batches")}
    assert len(gateway.requests) > 8


def test_the_preview_says_what_is_paid_what_not_and_who_approves(
    run: Run, gateway: FakeGateway, roster: Path
) -> None:
    batch_id = uploaded(run, roster)
    rows = {**ZERO_ROWS, "total": 3, "payable": 2, "unpayable": 1}
    cents = {**ZERO_ROWS, "total": 123_556, "payable": 123_456, "unpayable": 100}
    issue = {"code": "U_NO_MERCHANT", "outcome": "row", "count": 1, "message": "No merchant."}
    offered = {"source_account_id": "s\x07\x1b[2J1", "field": "state", "from": "IA", "to": "KS"}
    gateway.check(
        batch_id,
        rows=rows,
        amount_cents=cents,
        issues=[issue],
        corrections_offered=[offered],
        to_acknowledge=["W_TWO"],
    )
    code, out, _ = run("preview")
    assert code == 0
    for words in ("$1,234.56", "$1.00", "U_NO_MERCHANT", "from IA to KS", "W_TWO"):
        assert words in out
    assert "cannot approve" in out
    assert f"https://paydown.example.com/batches/{batch_id}" in out
    assert "\x07" not in out  # a name in a file does not reach the terminal's controls


def test_without_a_ready_batch_the_preview_is_exit_code_1(run: Run) -> None:
    assert run("preview")[0] == 1


def test_waiting_for_a_file_that_is_refused_is_exit_code_1(
    run: Run, gateway: FakeGateway, roster: Path
) -> None:
    error = {"code": "E_XML", "message": "It does not end.", "line": 7}

    def check(_: httpx.Request) -> None:
        for batch in gateway.batches.values():
            batch |= {"status": "rejected", "error": error}

    gateway.before = [lambda _: None, lambda _: None, check]
    code, out, _ = run("upload", roster, "--wait")
    assert code == 1
    assert "the file was refused (line 7): It does not end." in out


def test_reports_are_files_and_a_broken_download_leaves_none(
    run: Run, gateway: FakeGateway, roster: Path, tmp_path: Path
) -> None:
    batch_id, out = uploaded(run, roster), tmp_path / "out"

    def cut(_: httpx.Request) -> httpx.Response:
        def chunks() -> Any:
            yield b"half a line"
            raise httpx.ReadError("cut")

        return httpx.Response(200, content=chunks())

    gateway.before = [cut] * 4
    assert run("reports", batch_id, "--out", out)[0] == 4
    assert list(out.iterdir()) == []
    assert run("reports", batch_id, "--out", out)[0] == 0
    assert sorted(file.name for file in out.iterdir()) == [
        "branches.csv",
        "payments.csv",
        "sources.csv",
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_the_commands(run: Run, shell: str) -> None:
    code, out, _ = run("completion", shell)
    assert code == 0
    assert "_PAYDOWN_COMPLETE" in out


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        (413, "The file is too large for a proxy in front of the gateway", "proxy.too-large"),
        (400, "A proxy or a firewall in front of the gateway refused", "proxy.refused"),
        (403, "A proxy or a firewall in front of the gateway refused", "proxy.refused"),
    ],
)
def test_a_page_of_a_proxy_is_said_to_be_that_and_nothing_was_taken(
    run: Run, gateway: FakeGateway, roster: Path, status: int, words: str, code: str
) -> None:
    page = httpx.Response(status, text="<html>", headers={"content-type": "text/html"})
    gateway.before = [lambda _: page] * 9
    _, _, error = run("upload", roster)
    assert words in error
    assert "Nothing was taken" in error
    assert "Try again" not in error
    _, out, _ = run("upload", roster, "--json")
    assert json.loads(out)["error"]["code"] == code


def test_a_proxy_whose_gateway_is_away_is_named_and_nothing_is_said_about_what_was_taken(
    run: Run, gateway: FakeGateway, roster: Path
) -> None:
    gateway.before = [lambda _: httpx.Response(504, text="<html>gateway time-out")] * 9
    code, _, error = run("upload", roster)
    assert code == 4
    assert "a proxy in front of the gateway (status 504)" in error
    assert "Nothing was taken" not in error
    assert "takes nothing twice" in error


def page(status: int, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    """A page that a proxy sends by itself."""
    return lambda _: httpx.Response(
        status, text="<html>", headers={"content-type": "text/html", **headers}
    )


@pytest.mark.parametrize("status", [408, 425, 429])
def test_a_proxy_that_says_not_now_is_asked_again(
    run: Run, gateway: FakeGateway, roster: Path, status: int
) -> None:
    gateway.before = [page(status)]
    code, _, _ = run("upload", roster)
    assert (code, len(gateway.uploads()), len(gateway.batches)) == (0, 2, 1)
    gateway.before = [page(status)] * 9
    code, _, error = run("status")
    assert (code, f"(status {status})" in error) == (4, True)


@pytest.mark.parametrize("status", [413, 403, 400])
def test_after_a_try_without_an_answer_a_proxy_s_refusal_leaves_the_upload_in_doubt(
    run: Run, gateway: FakeGateway, roster: Path, status: int
) -> None:
    gateway.after = [lose_answer]
    gateway.before = [lambda _: None, page(status)]
    _, _, error = run("upload", roster)
    assert len(gateway.batches) == 1
    assert "Nothing was taken" not in error
    assert "Whether an earlier try was taken is not known" in error
    assert "Do not send it again" not in error
