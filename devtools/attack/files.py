"""Rosters that are made to harm the reader. None may become a batch that can be paid."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from urllib.parse import quote

from devtools import sample_roster
from devtools.attack.target import Target, bearer
from devtools.attack.tries import HELD, TEXT_MAX, Try, not_failed
from services.gateway.domain.access import API

CANARY = "root:"  # how /etc/passwd begins
LEVELS, WIDTH = 12, 10
NEVER_PAYABLE = ("rejected",)


def _roster() -> bytes:
    return sample_roster.make(3, 4_711)


def _with_doctype(doctype: str, value: str = "&a;") -> bytes:
    document = _roster().replace(b"<City>", f"<City>{value}".encode(), 1)
    return f"<!DOCTYPE root [{doctype}]>".encode() + document


def _lol() -> bytes:
    levels = ["<!ENTITY l0 'lol'>"]
    levels += [f"<!ENTITY l{n} '{f'&l{n - 1};' * WIDTH}'>" for n in range(1, LEVELS)]
    return _with_doctype("".join(levels), f"&l{LEVELS - 1};")


def _gzip_bomb() -> bytes:
    """1.2 GB of spaces, in about 1.2 MB."""
    packer = zlib.compressobj(9, wbits=31)
    block = b" " * (1 << 20)
    parts = [packer.compress(b"<root>")] + [packer.compress(block) for _ in range(1_200)]
    return b"".join([*parts, packer.flush()])


def hostile_files() -> Mapping[str, bytes]:
    """{name: file}."""
    plain = _roster()
    packed = gzip.compress(plain)
    external = "<!ENTITY a SYSTEM 'file:///etc/passwd'>"
    return {
        "entities that grow (billion laughs)": _lol(),
        "one long entity, many times": _with_doctype(
            f"<!ENTITY a '{'x' * 50_000}'>", "&a;" * 5_000
        ),
        "an external entity": _with_doctype(external),
        "an external entity over HTTP": _with_doctype("<!ENTITY a SYSTEM 'http://127.0.0.1:9/x'>"),
        "an external document type": b"<!DOCTYPE root SYSTEM 'http://127.0.0.1:9/x.dtd'>" + plain,
        "a public document type": b"<!DOCTYPE root PUBLIC '-//x//y' 'file:///etc/passwd'>" + plain,
        "a parameter entity": _with_doctype("<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;", "x"),
        "an entity of itself": _with_doctype("<!ENTITY a '&a;'>"),
        "a document type and nothing else": b"<!DOCTYPE root>" + plain,
        "an include": plain.replace(
            b"<root>",
            b"<root xmlns:xi='http://www.w3.org/2001/XInclude'>"
            b"<xi:include href='file:///etc/passwd' parse='text'/>",
        ),
        "a stylesheet": b"<?xml-stylesheet href='file:///etc/passwd'?><root></root>",
        "a field of 20 MB": plain.replace(b"<City>", b"<City>" + b"x" * 20_000_000, 1),
        "a name of 1 MB": b"<" + b"r" * 1_000_000 + b"/>",
        "100,000 attributes": b"<root "
        + b" ".join(b"a%d='1'" % n for n in range(100_000))
        + b"></root>",
        "100,000 levels": b"<root>" + b"<a>" * 100_000,
        "a comment of 20 MB": b"<root><!--" + b"x" * 20_000_000 + b"--></root>",
        "UTF-7": b"<?xml version='1.0' encoding='UTF-7'?>+ADw-root+AD4-",
        "an encoding nobody knows": b"<?xml version='1.0' encoding='klingon'?><root></root>",
        "UTF-16 that says UTF-8": "<?xml version='1.0' encoding='UTF-8'?><root></root>".encode(
            "utf-16"
        )[2:],
        "UTF-32": "<root></root>".encode("utf-32"),
        "EBCDIC": "<root></root>".encode("cp500"),
        "overlong UTF-8": b"<root>\xc0\xbcrow\xc0\xbe</root>",
        "surrogates in UTF-8": b"<root>\xed\xa0\x80</root>",
        "a NUL": plain.replace(b"<City>", b"<City>\0", 1),
        "a zip": b"PK\x03\x04" + b"\0" * 200,
        "a program": b"\x7fELF" + b"\0" * 200,
        "HTML": b"<html><script>alert(1)</script></html>",
        "JSON": b'{"rows": []}',
        "one byte": b"<",
        "half a file": plain[: len(plain) // 2],
        "two documents": plain + plain,
        "a gzip bomb": _gzip_bomb(),
        "gzip in gzip": gzip.compress(packed),
        "half a gzip": packed[: len(packed) // 2],
        "a gzip with a wrong sum": packed[:-8] + b"\0" * 8,
        "gzip and then garbage": packed + b"garbage",
    }


def file_tries(target: Target) -> Iterator[Try]:
    """All tries with files, and afterwards one that the system still reads an honest one."""
    for name, content in hostile_files().items():
        yield Try("files", name, partial(_upload, target, content))
    for kind, filename in {
        "traversal": "../../../etc/passwd",
        "line ends": "a\r\nSet-Cookie: x=1",
        "NUL": "a\0.xml",
        "direction": "\u202elmx.exe",
        "length": "a" * 3_000,
        "HTML": "<img src=x onerror=alert(1)>.xml",
    }.items():
        run = partial(_upload, target, b"<root/>", quote(filename, safe=""))
        yield Try("files", f"a file name with {kind}", run)
    for encoding in (b"br", b"zstd", b"deflate", b"gzip, gzip", b"\xff"):
        yield Try(
            "files", f"Content-Encoding {encoding!r}", partial(_upload_encoded, target, encoding)
        )
    yield Try("files", "an honest file is still read", partial(_honest, target))


def _upload(target: Target, content: bytes, filename: str = "hostile.xml") -> str:
    path = f"{API}/batches?filename={filename}&repeat_reason=attack"
    answer = target.gateway("POST", path, [bearer("preparer")], content)
    if answer.status_code != 202:
        return not_failed(answer)
    batch = target.settle(answer.json()["batch_id"])
    if CANARY in str(batch):
        return f"a file of the machine was read: {str(batch)[:TEXT_MAX]}"
    if batch["status"] not in NEVER_PAYABLE:
        return f"the batch is {batch['status']}: {str(batch.get('error'))[:TEXT_MAX]}"
    return HELD


def _upload_encoded(target: Target, encoding: bytes) -> str:
    path = f"{API}/batches?filename=x.xml"
    sent = [bearer("preparer"), (b"Content-Encoding", encoding)]
    answer = target.gateway("POST", path, sent, _roster())
    return not_failed(answer) or (HELD if answer.status_code >= 400 else "it was taken")


def _honest(target: Target) -> str:
    path = f"{API}/batches?filename=honest.xml&repeat_reason=attack"
    answer = target.gateway("POST", path, [bearer("preparer")], sample_roster.make(5, 4_712))
    if answer.status_code != 202:
        return f"answered {answer.status_code}: {answer.text[:TEXT_MAX]}"
    status = target.settle(answer.json()["batch_id"])["status"]
    return HELD if status in ("checking", "ready") else f"the batch is {status}"
