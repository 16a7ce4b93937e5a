"""The dashboard's files, and the page where there are none."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from services.gateway.static_files.middleware import DashboardMiddleware, is_own_host

INDEX = (
    '<!doctype html><meta property="csp-nonce" content="__NONCE__">'
    '<style nonce="__NONCE__"></style><script src="/assets/app-1a2b.js"></script>'
)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    made = tmp_path / "dist"
    (made / "assets").mkdir(parents=True)
    (made / "index.html").write_text(INDEX)
    (made / "assets" / "app-1a2b.js").write_text("let a = 1;" * 500)
    (made / "favicon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    (made / "link.txt").symlink_to(tmp_path / "secret.txt")
    return made


def get(dist: Path, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    app = FastAPI()

    @app.get("/api/v1/here")
    def here() -> str:
        return "data"

    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(DashboardMiddleware(app, dist, own_names_only=True))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8080"
        ) as client:
            return await client.request(
                method, path, headers={"Accept-Encoding": "identity", **headers}
            )

    return asyncio.run(main())


@pytest.mark.parametrize(
    "path", ["/", "/index.html", "/batches", "/batches/B-42/rows?status=failed", "/apiary"]
)
def test_every_path_of_the_dashboards_own_is_its_page_with_a_nonce_of_its_own(
    dist: Path, path: str
) -> None:
    first, second = get(dist, path), get(dist, path)
    nonces = [re.findall(r'(?:content|nonce)="([^"]+)"', answer.text) for answer in (first, second)]
    assert all(len(found) == 2 and len(set(found)) == 1 and len(found[0]) >= 20 for found in nonces)
    assert nonces[0] != nonces[1]
    policy = dict(
        part.strip().split(" ", 1) for part in first.headers["content-security-policy"].split(";")
    )
    assert policy == {
        "default-src": "'self'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonces[0][0]}'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
    }
    assert (first.status_code, first.headers["cache-control"], first.headers["content-type"]) == (
        200,
        "no-store",
        "text/html; charset=utf-8",
    )
    assert first.headers["referrer-policy"] == "no-referrer"


def test_built_files_are_cached_by_browsers_and_sent_compressed(dist: Path) -> None:
    plain, zipped = (
        get(dist, "/assets/app-1a2b.js"),
        get(dist, "/assets/app-1a2b.js", **{"Accept-Encoding": "gzip"}),
    )
    assert plain.text == zipped.text == "let a = 1;" * 500
    assert (
        zipped.headers["content-encoding"],
        int(zipped.headers["content-length"]) < 500,
        zipped.headers["vary"],
    ) == ("gzip", True, "Accept-Encoding")
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (plain.headers["content-type"], plain.headers["x-content-type-options"]) == (
        "text/javascript; charset=utf-8",
        "nosniff",
    )
    assert get(dist, "/favicon.svg").headers["cache-control"] == "no-cache"


def test_a_rebuilt_file_is_read_again(dist: Path) -> None:
    assert get(dist, "/favicon.svg").text == "<svg/>"
    (dist / "favicon.svg").write_text("<svg><!-- new --></svg>")
    assert get(dist, "/favicon.svg").text == "<svg><!-- new --></svg>"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/gone.js",
        "/assets/gone",
        "/gone.png",
        "/link.txt",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "//etc/passwd.txt",
        "/a%00.js",
    ],
)
def test_nothing_beside_the_dashboard_is_served(dist: Path, path: str) -> None:
    answer = get(dist, path)
    assert (answer.status_code, answer.headers["content-type"]) == (
        404,
        "application/problem+json",
    ), path
    assert "secret" not in answer.text


def test_the_api_is_never_a_page(dist: Path) -> None:
    assert get(dist, "/api/v1/here").json() == "data"
    for path, method in (
        ("/api/v1/nowhere", "GET"),
        ("/api", "GET"),
        ("/batches", "POST"),
        ("/", "DELETE"),
    ):
        assert get(dist, path, method).status_code in (404, 405), (path, method)


def test_without_a_dashboard_the_page_says_how_to_get_it(tmp_path: Path) -> None:
    answer = get(tmp_path / "dist", "/")
    assert (answer.status_code, "Node.js 20" in answer.text, "make up" in answer.text) == (
        200,
        True,
        True,
    )
    nonce = re.search(r'<style nonce="([^"]+)"', answer.text)
    assert nonce
    assert f"'nonce-{nonce[1]}'" in answer.headers["content-security-policy"]
    assert "__NONCE__" not in answer.text
    assert get(tmp_path / "dist", "/batches").status_code == 404
    assert get(tmp_path / "dist", "/api/v1/here").json() == "data"


def test_names_of_this_machine() -> None:
    assert all(
        is_own_host(host)
        for host in ("127.0.0.1", "127.0.0.1:8080", "localhost:8080", "[::1]:8080", "127.9.9.9")
    )
    assert not any(
        is_own_host(host)
        for host in (
            "",
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "[",
            "127.0.0.1@evil.example:80",
        )
    )
