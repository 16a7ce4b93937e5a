"""A payment's story, joined from what the services know: reports tells it, the others add what does not travel by topic. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.gateway.domain import Json

Line = Mapping[str, Any]
JOURNALS = {
    "hold": "Money reserved",
    "settle": "Money posted",
    "release": "Reservation released",
    "reverse": "Posting reversed",
}


def issues(found: Json, told: Sequence[Line]) -> list[dict[str, str]]:
    """What ingest found in the payment's rows, dated as the rows were read."""
    read = next(
        (line["at"] for line in told if line["kind"] == "row"), told[0]["at"] if told else ""
    )
    return [
        {
            "at": read,
            "kind": "issue",
            "title": str(issue.get("message", "")),
            "detail": f"row {issue.get('file_row')}, {issue.get('field')}",
            "evidence": str(issue.get("code", "")),
        }
        for issue in found.get("issues") or ()
    ]


def attempts(found: Json) -> list[dict[str, str]]:
    """The calls made to the provider for a payment, each dated as its intent was written, and what was put aside for a person."""
    calls = [
        {
            "at": str(a["first_sent_at"]),
            "kind": "attempt",
            "title": f"Attempt {a['n']}: {a['outcome']}",
            "evidence": str(a["idempotency_key"]),
            "detail": " · ".join(
                str(a[part])
                for part in ("http_status", "code", "message", "request_id")
                if a.get(part)
            ),
        }
        for a in found.get("attempts") or ()
    ]
    flags = [
        {
            "at": str(f["at"]),
            "kind": "flag",
            "title": str(f["kind"]),
            "detail": str(f["detail"]),
            "evidence": "",
        }
        for f in found.get("flags") or ()
    ]
    return calls + flags


def journals(items: Iterable[Line]) -> list[dict[str, str]]:
    """The ledger's journals of a payment."""
    return [
        {
            "at": str(item["posted_at"]),
            "kind": "journal",
            "title": JOURNALS.get(str(item["kind"]), str(item["kind"])),
            "detail": "",
            "evidence": str(item["journal_id"]),
        }
        for item in items
    ]


def joined(told: Sequence[Line], *more: Sequence[Line]) -> list[Line]:
    """All lines ordered by time; a line whose kind and evidence are told already is left out."""
    known = {(line["kind"], line["evidence"]) for line in told}
    added = [
        line
        for lines in more
        for line in lines
        if not line["evidence"] or (line["kind"], line["evidence"]) not in known
    ]
    return sorted([*told, *added], key=lambda line: instant(str(line["at"])))


def instant(at: str) -> str:
    """A time as text that sorts: services write UTC as `Z` or as `+00:00`, with or without a fraction of a second."""
    whole, _, fraction = at.replace("Z", "").replace("+00:00", "").partition(".")
    return f"{whole}.{fraction:0<6}"
