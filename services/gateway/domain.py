"""Rules of the door: who may do what, how a batch is shown, and how the audit log is chained. No I/O here."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

API = "/api/v1"
PREPARER, APPROVER, AUDITOR, OPERATOR, ADMIN = (
    "preparer",
    "approver",
    "auditor",
    "operator",
    "admin",
)
ROLES = (PREPARER, APPROVER, AUDITOR, OPERATOR, ADMIN)
EVERYBODY = frozenset(ROLES)
OPERATIONS = frozenset({OPERATOR, ADMIN, AUDITOR})

#: The one table of who may call what. A route that is not in it cannot be added to the gateway.
MAY: Mapping[tuple[str, str], frozenset[str]] = {
    ("GET", "/me"): EVERYBODY,
    ("DELETE", "/session"): EVERYBODY,
    ("GET", "/tokens"): frozenset({ADMIN, AUDITOR}),
    ("POST", "/tokens"): frozenset({ADMIN}),
    ("DELETE", "/tokens/{token_id}"): frozenset({ADMIN}),
    ("GET", "/people"): frozenset({ADMIN, AUDITOR}),
    ("GET", "/batches"): EVERYBODY,
    ("POST", "/batches"): frozenset({PREPARER}),
    ("GET", "/batches/{batch_id}"): EVERYBODY,
    ("GET", "/batches/{batch_id}/rows"): EVERYBODY,
    ("GET", "/batches/{batch_id}/issues"): EVERYBODY,
    ("GET", "/batches/{batch_id}/payments"): EVERYBODY,
    ("GET", "/batches/{batch_id}/changes"): EVERYBODY,
    ("GET", "/batches/{batch_id}/live"): EVERYBODY,
    ("GET", "/batches/{batch_id}/certificate"): EVERYBODY,
    ("GET", "/batches/{batch_id}/reports/{name}"): EVERYBODY,
    ("POST", "/batches/{batch_id}/approve"): frozenset({APPROVER}),
    ("POST", "/batches/{batch_id}/discard"): frozenset({PREPARER, APPROVER}),
    ("POST", "/batches/{batch_id}/corrections"): frozenset({PREPARER}),
    ("POST", "/batches/{batch_id}/child-batches"): frozenset({PREPARER}),
    ("POST", "/batches/{batch_id}/pause"): frozenset({APPROVER}),
    ("POST", "/batches/{batch_id}/resume"): frozenset({APPROVER}),
    ("POST", "/batches/{batch_id}/cancel"): frozenset({APPROVER}),
    ("GET", "/payments/{payment_id}"): EVERYBODY,
    ("POST", "/payments/{payment_id}/held"): frozenset(
        {PREPARER, APPROVER}
    ),  # two people; the dispatcher wants an approver second
    ("GET", "/ledger/accounts"): EVERYBODY,
    ("GET", "/ledger/journals"): EVERYBODY,
    ("GET", "/reconciliation/runs"): EVERYBODY,
    ("GET", "/reconciliation/breaks"): EVERYBODY,
    ("POST", "/reconciliation/runs"): frozenset({APPROVER, OPERATOR}),
    ("GET", "/ops/health"): OPERATIONS,
    ("GET", "/ops/dead-letters"): OPERATIONS,
    ("POST", "/ops/dead-letters/{dead_letter_id}/redrive"): frozenset({OPERATOR}),
    ("GET", "/ops/limiter"): EVERYBODY,  # the live run shows its line
    ("GET", "/ops/kill-switch"): EVERYBODY,
    ("POST", "/ops/kill-switch"): frozenset({OPERATOR, APPROVER}),
    ("GET", "/ops/restored"): EVERYBODY,
    ("POST", "/ops/restored/release"): frozenset(
        {OPERATOR, APPROVER}
    ),  # two people; each service wants an approver second
    ("GET", "/audit"): frozenset({AUDITOR, ADMIN}),
}

#: How many bytes a request's body may have; an upload is counted by its route as it passes through.
BODY_MAX = 64_000
BODIES: Mapping[tuple[str, str], int | None] = {
    ("POST", "/batches"): None,
    (
        "POST",
        "/batches/{batch_id}/approve",
    ): 6_000_000,  # ten thousand excluded rows to pay all the same, each with its reason
    ("POST", "/batches/{batch_id}/corrections"): 1_000_000,  # a thousand fields
    ("POST", "/batches/{batch_id}/child-batches"): 64_000_000,  # a million row ids
}
#: What works without being signed in: to sign in.
PUBLIC = frozenset(
    {
        ("GET", "/sign-in"),
        ("GET", "/sign-in/start"),
        ("GET", "/sign-in/callback"),
        ("POST", "/session"),
    }
)
#: Roles no script gets: an administrator makes tokens for others, and would else hold the second pair of eyes in his own hand.
IN_PERSON = frozenset({APPROVER, ADMIN})

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
BEFORE_APPROVAL = frozenset(
    {"receiving", "reading", "checking", "ready", "rejected", "discarded", "expired"}
)
FINAL = frozenset({"completed", "completed_with_failures", "cancelled", "archived"})
PAYMENT_STATUSES = (
    "unprocessed",
    "sending",
    "pending",
    "completed",
    "failed",
    "in_doubt",
    "held",
    "cancelled",
    "reversed",
)
UNFINISHED = ("unprocessed", "sending", "pending", "in_doubt", "held")
NO_PAYMENTS: Mapping[str, int] = dict.fromkeys(("total", *PAYMENT_STATUSES), 0)

Json = Mapping[str, Any]  # an answer of another service, as it came


def from_our_page(fetch_site: str | None, origin: str | None, host: str | None) -> bool | None:
    """Whether a browser sent this from a page of ours; None if it is not said (then it was no browser of today).

    Args:
        fetch_site: Sec-Fetch-Site, which no page can set; it decides where it is there.
        origin: Origin, compared with the name the request was sent to (`host`).
    """
    if fetch_site is not None:
        return fetch_site == "same-origin"
    if origin is not None:
        return host is not None and origin.partition("://")[2].lower() == host.lower()
    return None


def granted(groups: Iterable[str], table: Mapping[str, str]) -> frozenset[str]:
    """The roles of who is in these groups of the identity provider."""
    return frozenset(table[group] for group in groups if group in table)


def token_refused(roles: frozenset[str], of_person: frozenset[str], *, read_only: bool) -> str:
    """Why a token with these roles cannot be made for a person; nothing if it can."""
    if beyond := sorted(roles - of_person):
        return f"The person does not have the role {', '.join(beyond)}."
    if not read_only and (personal := sorted(roles & IN_PERSON)):
        return f"{', '.join(personal).capitalize()} acts are made in person: a token with this role can only be read_only."
    return ""


def own_path(wanted: str) -> str:
    """Where to go after a sign-in: a path of this site, else its start."""
    return (
        wanted
        if wanted.startswith("/")
        and wanted.isascii()
        and wanted.isprintable()
        and not wanted.startswith(("//", "/\\"))
        else "/"
    )


def approved(batch: Json) -> bool:
    """Whether a batch can have payments."""
    return batch["status"] not in BEFORE_APPROVAL


def caught_up(batch: Json, summary: Json) -> bool:
    """Whether the payments' totals are those of the batch's status.

    A batch that has ended has no unfinished payment, and its payments come to what its certificate says of them; until both
    hold the read model is behind, and showing it beside that status would be a lie.
    """
    if batch["status"] not in FINAL:
        return True
    if any(summary["payments"][status] for status in UNFINISHED):
        return False
    certificate = batch.get("certificate")
    if not certificate:
        return True
    certified = sum(
        certificate[outcome]["amount_cents"]
        for outcome in ("paid", "failed", "cancelled", "reversed")
    )
    return bool(summary["payment_amount_cents"]["total"] == certified)


def shown_status(status: str, state: str | None) -> str:
    """A batch's status for people: a command the dispatcher has taken shows at once, as under way until the batch follows.

    Args:
        status: of the batch.
        state: the dispatcher's, None if it has none of this batch.
    """
    if status in {"approved", "paying"} and state == "paused":
        return "pausing"
    if status in {"approved", "paying", "paused"} and state == "cancelled":
        return "cancelling"
    return status


def compose(batch: Json, summary: Json | None, dispatch: Json | None) -> dict[str, Any]:
    """The batch as the API shows it, from the three services that know a part of it."""
    state = dispatch or {}
    return {
        **batch,
        "status": shown_status(batch["status"], state.get("state")),
        "payments": dict(summary["payments"] if summary else NO_PAYMENTS),
        "payment_amount_cents": dict(summary["payment_amount_cents"] if summary else NO_PAYMENTS),
        "eta_s": state.get("eta_s"),
        "stopped_sources": list(state.get("stopped_sources") or ()),
    }


@dataclass(frozen=True)
class Entry:
    """One line of the audit log: an unsafe call as it began (`intent`), or how it ended (`outcome`, or `refused` at the door)."""

    at: str
    kind: str
    request_id: str
    person: str
    roles: tuple[str, ...]
    method: str
    path: str
    status: int | None = None
    subject: str = ""
    via: str = ""  # `session`, or the API token the person's script used; nothing: a demo token


START = "0" * 64


def chained(previous: str, seq: int, entry: Entry) -> str:
    """The hash of a line: SHA-256 over the hash before it, its number and its canonical JSON (`via` only if there is one: older lines had none)."""
    said = {name: value for name, value in asdict(entry).items() if name != "via" or value}
    text = json.dumps(
        {"previous": previous, "seq": seq, **said},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def first_broken(lines: Iterable[tuple[int, Entry, str, str]]) -> int | None:
    """The number of the first line (seq, entry, previous hash, hash) that is not what was written; None if the chain holds.

    A changed, missing, moved or inserted line is found; lines cut off at the end are not.
    """
    before, expected = START, 1
    for seq, entry, previous, own in lines:
        if seq != expected or previous != before or chained(previous, seq, entry) != own:
            return expected
        before, expected = own, seq + 1
    return None
