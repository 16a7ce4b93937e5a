"""Texts by e-mail and chat: through Apprise itself, to a receiver on this machine."""

import asyncio
import logging
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.gateway.notifications import message_client
from services.gateway.notifications.message_client import MessageClient, is_address, needs_address
from services.gateway.notifications.outcome import SENT
from services.gateway.tests.chat_receiver import Chat


def send(client: MessageClient, service: str, address: str = "") -> str:
    return asyncio.run(client.send(service, address, "A title", "A sentence.")).reason


def test_a_text_arrives_and_a_refusal_is_known(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "apprise")
    url = f"json://secret-user:secret-word@127.0.0.1:{chat.port}/"
    client = MessageClient({"chat": url, "none": "nonsense"}, ThreadPoolExecutor(1))
    assert send(client, "chat") == SENT.reason
    assert (chat.bodies[0]["title"], chat.bodies[0]["message"]) == ("A title", "A sentence.")
    chat.status = 500
    assert send(client, "chat") == "refused"
    assert send(client, "none") == "service"
    assert send(client, "unknown") == "service"
    assert "secret" not in caplog.text


def test_an_address_cannot_change_the_url() -> None:
    urls: list[str] = []

    def notify(url: str, _: str, __: str) -> bool:
        urls.append(url)
        return True

    services = {"mail": "mailtos://u:p@mail.example.com?to={address}"}
    client = MessageClient(services, ThreadPoolExecutor(1), notify)
    send(client, "mail", "a@b.org&to=x@y.org?z#")
    assert urls == [
        "mailtos://u:p@mail.example.com?to=a%40b.org%26to%3Dx%40y.org%3Fz%23&cto=5&rto=10"
    ]


def test_a_service_that_hangs_is_given_up_and_a_bug_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(message_client, "ATTEMPT_S", 0.05)

    def hang(*_: str) -> bool:
        time.sleep(0.3)
        return True

    def fail(*_: str) -> bool:
        raise KeyError("a bug of a plug-in")

    services = {"chat": "json://x/"}
    assert send(MessageClient(services, ThreadPoolExecutor(1), hang), "chat") == "timeout"
    assert send(MessageClient(services, ThreadPoolExecutor(1), fail), "chat") == "refused"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("ida@example.com", True),
        ("ida.smith+pay@mail.example.co", True),
        ("ida", False),
        ("ida@example", False),
        ("ida@example.com,other@example.com", False),
        ("ida@example.com\nBcc: x@y.org", False),
        ("ida@example.com\n", False),
    ],
)
def test_email_addresses(text: str, *, is_one: bool) -> None:
    assert is_address(text) is is_one


def test_only_a_url_with_a_place_for_it_takes_an_address() -> None:
    assert needs_address("mailtos://m?to={address}")
    assert not needs_address("slack://a/b/c")


def test_the_plug_ins_are_not_loaded_before_the_first_message() -> None:
    code = "import sys, services.gateway.app; print('apprise' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
