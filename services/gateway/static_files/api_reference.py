"""`/docs`: the reference of the API as one page, from its description. It needs no script."""

from collections.abc import Iterator
from html import escape

from services.gateway.static_files.api_examples import Json, answer_example, request_example

PATH = "/docs"
METHODS = ("get", "post", "put", "patch", "delete")
STYLE = (
    ":root{color-scheme:light dark} "
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem} "
    "summary{cursor:pointer;padding:.3rem 0} code,pre{font:.9rem/1.4 ui-monospace,monospace} "
    "pre{overflow:auto;max-height:30rem;padding:.75rem;border:1px solid;border-radius:.25rem} "
    "table{border-collapse:collapse} td,th{text-align:left;padding:.1rem 1rem .1rem 0} "
    "a{color:inherit}"
)
INTRODUCTION = (
    "<p>Send a token as <code>Authorization: Bearer …</code>. Every error is "
    "<code>application/problem+json</code> (RFC 9457): a stable <code>code</code>, what happened, "
    "whether money is affected, and what to do. Repeat an unsafe call with the same "
    "<code>Idempotency-Key</code>. The description for programs is "
    '<a href="/openapi.json">/openapi.json</a>. Examples are made from it.</p>'
)


def reference_page(document: Json) -> bytes:
    """The page for a description. Styles carry the placeholder of a nonce."""
    title = "API of paydown"
    parts = "".join(_operations(document))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f'<style nonce="__NONCE__">{STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>{INTRODUCTION}{parts}</main></body></html>"
    ).encode()


def _operations(document: Json) -> Iterator[str]:
    """The operations by their tags, in the order of the description."""
    by_tag: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                tag = (item[method].get("tags") or ["other"])[0]
                by_tag.setdefault(tag, []).append(_operation(document, method, path, item[method]))
    for tag, found in by_tag.items():
        yield f"<h2>{escape(tag.capitalize())}</h2>{''.join(found)}"


def _operation(document: Json, method: str, path: str, operation: Json) -> str:
    name = f"{method.upper()} {path}"
    text = escape(operation.get("description") or operation.get("summary") or "")
    request = request_example(document, operation)
    status, answer = answer_example(document, operation)
    sent = "" if request is None else f"<h3>Request</h3><pre>{escape(request)}</pre>"
    return (
        f"<details><summary><code>{escape(name)}</code></summary><p>{text}</p>"
        f"{_parameters(operation)}{sent}"
        f"<h3>Answer {status}</h3><pre>{escape(answer)}</pre></details>"
    )


def _parameters(operation: Json) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{'required' if one.get('required') else 'optional'}</td></tr>"
        for one in operation.get("parameters", [])
    )
    head = "<tr><th>Parameter</th><th>In</th><th></th></tr>"
    return f"<table>{head}{rows}</table>" if rows else ""
