"""A payment's timeline, joined from four services.

Reports has most of it. Ingest, dispatcher and ledger add what no topic carries: issues of the
payment's rows, attempts, and journals. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from libs.common.contracts.journals import JOURNAL_TITLES

Json = Mapping[str, Any]  # an answer of another service, or a part of one
Line = Mapping[str, Any]  # at, kind, title, detail, evidence


def issue_lines(ingest: Json, timeline: Sequence[Line]) -> list[dict[str, str]]:
    """The issues ingest found in the payment's rows, dated as the rows were read."""
    started_at = timeline[0]["at"] if timeline else ""
    read_at = next((line["at"] for line in timeline if line["kind"] == "row"), started_at)
    return [
        {
            "at": read_at,
            "kind": "issue",
            "title": str(issue.get("message", "")),
            "detail": f"row {issue.get('file_row')}, {issue.get('field')}",
            "evidence": str(issue.get("code", "")),
        }
        for issue in ingest.get("issues") or ()
    ]


def attempt_lines(dispatcher: Json) -> list[dict[str, str]]:
    """The calls to the provider for a payment, each dated as its intent was recorded."""
    return [
        {
            "at": str(attempt["first_sent_at"]),
            "kind": "attempt",
            "title": f"Attempt {attempt['n']}: {attempt['outcome']}",
            "evidence": str(attempt["idempotency_key"]),
            "detail": " · ".join(
                str(attempt[part])
                for part in ("http_status", "code", "message", "request_id")
                if attempt.get(part)
            ),
        }
        for attempt in dispatcher.get("attempts") or ()
    ]


def flag_lines(dispatcher: Json) -> list[dict[str, str]]:
    """What the dispatcher flagged about a payment for a person to look at."""
    return [
        {
            "at": str(flag["at"]),
            "kind": "flag",
            "title": str(flag["kind"]),
            "detail": str(flag["detail"]),
            "evidence": "",
        }
        for flag in dispatcher.get("flags") or ()
    ]


def journal_lines(journals: Iterable[Json]) -> list[dict[str, str]]:
    """The ledger's journals of a payment."""
    return [
        {
            "at": str(journal["posted_at"]),
            "kind": "journal",
            "title": JOURNAL_TITLES.get(str(journal["kind"]), str(journal["kind"])),
            "detail": "",
            "evidence": str(journal["journal_id"]),
        }
        for journal in journals
    ]


def join(timeline: Sequence[Line], *additions: Sequence[Line]) -> list[Line]:
    """All lines ordered by time.

    An added line is left out if the timeline has a line of its kind and evidence already.
    """
    known = {(line["kind"], line["evidence"]) for line in timeline}
    added = [
        line
        for lines in additions
        for line in lines
        if not line["evidence"] or (line["kind"], line["evidence"]) not in known
    ]
    return sorted([*timeline, *added], key=lambda line: sort_key(str(line["at"])))


def sort_key(at: str) -> str:
    """A UTC time as text that sorts by time.

    Services write `Z` or `+00:00`, with or without a fraction of a second.
    """
    whole, _, fraction = at.replace("Z", "").replace("+00:00", "").partition(".")
    return f"{whole}.{fraction:0<6}"
