"""A browser without a screen: cookies by host, redirects one by one, and forms.

It sends Secure cookies over http, as real browsers do to this machine.
"""

from collections import defaultdict
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

REDIRECTS_MAX = 10


class _Forms(HTMLParser):
    """The first form of a page: where it goes, and its fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form" and not self.action:
            self.action = found.get("action") or ""
        name = found.get("name")
        if tag == "input" and self.action and name and found.get("type") != "checkbox":
            self.fields[name] = found.get("value") or ""


class Browser:
    """One person's browser."""

    def __init__(self) -> None:
        self.cookies: dict[str, dict[str, str]] = defaultdict(dict)
        self.visited: list[str] = []

    def send(self, method: str, url: str, **options: Any) -> httpx.Response:
        """One request; the answer's cookies are kept."""
        host = urlsplit(url).netloc
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies[host].items())
        headers = {"Sec-Fetch-Site": "same-origin", "Cookie": cookies} | options.pop("headers", {})
        answer = httpx.request(
            method, url, headers=headers, follow_redirects=False, trust_env=False, **options
        )
        for line in answer.headers.get_list("set-cookie"):
            for name, cookie in SimpleCookie(line).items():
                if cookie["max-age"] == "0" or not cookie.value:
                    self.cookies[host].pop(name, None)
                else:
                    self.cookies[host][name] = cookie.value
        return answer

    def open(self, url: str, method: str = "GET", **options: Any) -> httpx.Response:
        """The page at the end of the redirects."""
        for _ in range(REDIRECTS_MAX):
            self.visited.append(url)
            answer = self.send(method, url, **options)
            if not answer.is_redirect:
                return answer
            url, method, options = urljoin(url, answer.headers["location"]), "GET", {}
        raise AssertionError(f"no end of redirects: {url}")

    def fill(self, page: httpx.Response, **values: str) -> httpx.Response:
        """Fill in the first form of a page and send it; the page to which that leads."""
        form = _Forms()
        form.feed(page.text)
        assert form.action, page.text[:2_000]
        assert set(values) <= set(form.fields), form.fields
        url = urljoin(str(page.url), form.action)
        return self.open(url, "POST", data=form.fields | values)


def has_field(page: httpx.Response, name: str) -> bool:
    """Whether the first form of a page asks for something."""
    form = _Forms()
    form.feed(page.text)
    return name in form.fields
