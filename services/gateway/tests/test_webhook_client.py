"""Outgoing webhooks: signed, and unable to reach anything inside a network."""

import asyncio
import json
from datetime import UTC, datetime

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from services.gateway.notifications import webhook_client
from services.gateway.notifications.webhook_addresses import is_public_address, why_no_url
from services.gateway.notifications.webhook_client import WebhookClient, WebhookMessage

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = WebhookMessage(
    "msg_1", "approved", datetime(2026, 11, 28, tzinfo=UTC), {"subject": "b", "link": "https://p/"}
)


class Receiver:
    """A receiver of webhooks with a prepared answer."""

    def __init__(self, status: int = 204, headers: dict[str, str] | None = None) -> None:
        self.status, self.headers = status, headers or {}
        self.requests: list[httpx.Request] = []
        self.wait_s = 0.0

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        await asyncio.sleep(self.wait_s)
        return httpx.Response(self.status, headers=self.headers)


def sent(receiver: Receiver, url: str, *addresses: str, **more: bool) -> str:
    """The reason of one attempt; the name of the URL has these addresses."""

    async def resolve(_: str, __: int) -> list[str]:
        return list(addresses)

    client = WebhookClient(resolve, **more, transport=httpx.MockTransport(receiver.answer))
    return asyncio.run(client.send(url, SECRET, MESSAGE)).reason


def test_a_receiver_can_verify_what_it_got_with_the_standard() -> None:
    receiver = Receiver()
    assert sent(receiver, "https://hooks.example.com/a?b=c", "93.184.216.34") == ""
    (request,) = receiver.requests
    assert Webhook(SECRET).verify(request.content, dict(request.headers)) == {
        "type": "approved",
        "timestamp": "2026-11-28T00:00:00+00:00",
        "data": {"subject": "b", "link": "https://p/"},
    }
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 32).verify(request.content, dict(request.headers))


def test_the_connection_is_made_to_the_address_that_was_checked() -> None:
    receiver = Receiver()
    sent(receiver, "https://hooks.example.com:8443/a", "93.184.216.34")
    (request,) = receiver.requests
    assert (request.url.host, request.headers["host"]) == (
        "93.184.216.34",
        "hooks.example.com:8443",
    )
    assert request.extensions["sni_hostname"] == "hooks.example.com"


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("10.0.0.5",),
        ("169.254.169.254",),
        ("::1",),
        ("::ffff:10.0.0.1",),
        ("93.184.216.34", "192.168.1.1"),  # one public address does not excuse the other
    ],
)
def test_a_name_that_stands_for_an_inner_address_is_not_called(addresses: tuple[str, ...]) -> None:
    receiver = Receiver()
    assert sent(receiver, "https://hooks.example.com/", *addresses) == "address"
    assert not receiver.requests
    assert sent(receiver, "https://hooks.example.com/", *addresses, allow_private=True) == ""


def test_a_redirect_is_not_followed() -> None:
    receiver = Receiver(302, {"location": "http://169.254.169.254/"})
    assert sent(receiver, "https://hooks.example.com/", "93.184.216.34") == "redirect"
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("status", "reason"), [(200, ""), (410, "gone"), (404, "status 404"), (503, "status 503")]
)
def test_only_2xx_is_success(status: int, reason: str) -> None:
    assert sent(Receiver(status), "https://hooks.example.com/", "93.184.216.34") == reason


def test_a_receiver_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_client, "ATTEMPT_S", 0.05)
    receiver = Receiver()
    receiver.wait_s = 5
    assert sent(receiver, "https://hooks.example.com/", "93.184.216.34") == "timeout"


@pytest.mark.parametrize("error", [UnicodeError("label"), httpx.InvalidURL("host")])
def test_a_host_that_can_be_no_name_is_a_final_failure(error: Exception) -> None:
    async def resolve(_: str, __: int) -> list[str]:
        raise error

    outcome = asyncio.run(WebhookClient(resolve).send("https://a.example.com/", SECRET, MESSAGE))
    assert (outcome.reason, outcome.is_final) == ("address", True)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "https://user:secret@hooks.example.com/",
        "https://hooks.example.com/#part",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com/" + "a" * 500,
        "hooks.example.com",
        "https://" + "a" * 64 + ".example.com/",
        "https://hooks..example.com/",
        "https://999.1.1.1/",
    ],
)
def test_urls_that_no_webhook_may_have(url: str) -> None:
    assert why_no_url(url, allow_http=False, allow_private=False)


def test_settings_allow_a_receiver_inside_the_network() -> None:
    assert not why_no_url("http://10.0.0.5:8080/", allow_http=True, allow_private=True)
    assert not why_no_url("https://hooks.example.com/x", allow_http=False, allow_private=False)


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("::ffff:93.184.216.34", True),
        ("::ffff:10.0.0.1", False),
        ("0.0.0.0", False),
        ("100.64.0.1", False),
        ("192.0.2.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::1", False),
        ("not an address", False),
    ],
)
def test_public_addresses(address: str, *, is_public: bool) -> None:
    assert is_public_address(address) is is_public


def test_the_body_is_the_same_for_each_attempt() -> None:
    assert MESSAGE.body() == MESSAGE.body()
    assert json.loads(MESSAGE.body())["type"] == "approved"
