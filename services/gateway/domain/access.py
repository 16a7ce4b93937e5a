"""Roles, and the one table of which role may call which route."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, get_args

API: Final = "/api/v1"

Role = Literal["preparer", "approver", "auditor", "operator", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
PREPARER: Final = "preparer"
APPROVER: Final = "approver"
AUDITOR: Final = "auditor"
OPERATOR: Final = "operator"
ADMIN: Final = "admin"

#: No API token gets these roles. An administrator creates tokens for others and could otherwise
#: supply both people of a two-person decision alone.
IN_PERSON_ROLES: Final = frozenset({APPROVER, ADMIN})

#: An administrator makes API tokens, and could supply both people of a two-person decision. So
#: administrators have none of these roles, whatever their groups say.
LOST_TO_ADMIN: Final = frozenset({PREPARER, APPROVER})


_EVERY_ROLE = frozenset(ROLES)
_OPERATIONS = frozenset({OPERATOR, ADMIN, AUDITOR})
#: Who makes files, and compares those of a bank. That changes nothing about money.
_EXPORTING = frozenset({PREPARER, APPROVER, AUDITOR})
#: Who marks journals as exported, maps accounts and says what is in one.
_FINANCE = frozenset({PREPARER, APPROVER})

#: Who may look for people, and see what was paid for one over all batches.
PERSONAL_ROLES: Final = frozenset({PREPARER, APPROVER, AUDITOR})

#: (method, path) -> the roles that may call it. A route that is not here cannot be created.
ROUTE_ROLES: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("GET", "/me"): _EVERY_ROLE,
    ("DELETE", "/session"): _EVERY_ROLE,
    # One's own; an administrator also sees and ends those of others.
    ("GET", "/sessions"): _EVERY_ROLE,
    ("DELETE", "/sessions/{session_id}"): _EVERY_ROLE,
    ("GET", "/tokens"): frozenset({ADMIN, AUDITOR}),
    ("POST", "/tokens"): frozenset({ADMIN}),
    ("DELETE", "/tokens/{token_id}"): frozenset({ADMIN}),
    ("GET", "/people"): frozenset({ADMIN, AUDITOR}),
    ("GET", "/batches"): _EVERY_ROLE,
    ("POST", "/batches"): frozenset({PREPARER}),
    ("GET", "/batches/{batch_id}"): _EVERY_ROLE,
    ("GET", "/batches/{batch_id}/rows"): _EVERY_ROLE,
    ("GET", "/batches/{batch_id}/issues"): _EVERY_ROLE,
    ("GET", "/batches/{batch_id}/payments"): _EVERY_ROLE,
    ("GET", "/batches/{batch_id}/changes"): _EVERY_ROLE,
    ("GET", "/batches/{batch_id}/compared"): _EVERY_ROLE,
    ("GET", "/batches/{batch_id}/live"): _EVERY_ROLE,
    ("GET", "/batches/{batch_id}/certificate"): _EVERY_ROLE,
    ("GET", "/batches/{batch_id}/reports/{name}"): _EVERY_ROLE,
    ("POST", "/batches/{batch_id}/approve"): frozenset({APPROVER}),
    ("POST", "/batches/{batch_id}/approval-requests"): frozenset({PREPARER}),
    ("DELETE", "/batches/{batch_id}/approval-requests/{request_id}"): frozenset({PREPARER}),
    ("POST", "/batches/{batch_id}/approval-requests/{request_id}/send-back"): frozenset({APPROVER}),
    ("POST", "/batches/{batch_id}/discard"): frozenset({PREPARER, APPROVER}),
    ("POST", "/batches/{batch_id}/corrections"): frozenset({PREPARER}),
    ("POST", "/batches/{batch_id}/period"): frozenset({PREPARER}),
    # To include needs an approver; ingest asks for the role of each act.
    ("POST", "/batches/{batch_id}/decisions"): frozenset({PREPARER, APPROVER}),
    ("GET", "/batches/{batch_id}/decisions"): _EVERY_ROLE,
    ("DELETE", "/batches/{batch_id}/decisions/{decision_id}"): frozenset({PREPARER, APPROVER}),
    ("GET", "/approval-rules"): _EVERY_ROLE,
    ("POST", "/approval-rules"): frozenset({ADMIN}),
    # A two-person decision: ingest refuses who proposed the rules.
    ("POST", "/approval-rules/{rules_version}/confirm"): frozenset({ADMIN, APPROVER}),
    ("POST", "/approval-rules/{rules_version}/reject"): frozenset({ADMIN, APPROVER}),
    ("GET", "/holds"): _EVERY_ROLE,
    ("POST", "/holds"): frozenset({PREPARER, APPROVER}),
    ("POST", "/holds/{hold_id}/lift"): frozenset({APPROVER}),
    ("POST", "/batches/{batch_id}/retry-refused"): frozenset({PREPARER, APPROVER}),
    ("POST", "/batches/{batch_id}/child-batches"): frozenset({PREPARER}),
    # It holds everything of the file about a person, and is there to be mended and uploaded.
    ("GET", "/batches/{batch_id}/refused-rows.xml"): frozenset({PREPARER}),
    ("POST", "/batches/{batch_id}/mended-rows"): frozenset({PREPARER}),
    ("POST", "/batches/{batch_id}/pause"): frozenset({APPROVER}),
    ("POST", "/batches/{batch_id}/resume"): frozenset({APPROVER}),
    ("POST", "/batches/{batch_id}/cancel"): frozenset({APPROVER}),
    ("GET", "/payments/{payment_id}"): _EVERY_ROLE,
    # A two-person decision: the dispatcher requires an approver as the second person.
    ("POST", "/payments/{payment_id}/held"): frozenset({PREPARER, APPROVER}),
    ("POST", "/payments/{payment_id}/duplicate"): frozenset({PREPARER, APPROVER}),
    ("GET", "/payments/{payment_id}/evidence"): _EVERY_ROLE,
    ("POST", "/payments/{payment_id}/evidence"): _EXPORTING,
    ("GET", "/payments/{payment_id}/evidence/{evidence_id}"): _EVERY_ROLE,
    ("GET", "/search"): _EVERY_ROLE,  # finds people for PERSONAL_ROLES alone
    ("GET", "/employees"): PERSONAL_ROLES,
    ("GET", "/employees/{person_id}"): PERSONAL_ROLES,
    ("GET", "/loans/{loan_id}"): PERSONAL_ROLES,
    ("GET", "/ledger/accounts"): _EVERY_ROLE,
    ("GET", "/ledger/journals"): _EVERY_ROLE,
    ("GET", "/ledger/corrections"): _EVERY_ROLE,
    ("GET", "/reconciliation/runs"): _EVERY_ROLE,
    ("GET", "/reconciliation/breaks"): _EVERY_ROLE,
    # A two-person decision: the ledger requires an approver as the second person.
    ("POST", "/reconciliation/breaks/{break_id}/acknowledge"): frozenset({PREPARER, APPROVER}),
    ("POST", "/reconciliation/runs"): frozenset({APPROVER, OPERATOR}),
    ("GET", "/finance/reports"): _EVERY_ROLE,
    ("POST", "/finance/reports"): _EXPORTING,
    ("GET", "/finance/reports/{report_id}"): _EVERY_ROLE,
    ("GET", "/finance/reports/{report_id}/{name}"): _EVERY_ROLE,
    ("GET", "/finance/mapping"): _EVERY_ROLE,
    ("POST", "/finance/mapping"): _FINANCE,
    ("GET", "/finance/exports"): _EVERY_ROLE,
    ("POST", "/finance/exports"): _FINANCE,
    ("GET", "/finance/exports/{export_id}"): _EVERY_ROLE,
    ("GET", "/finance/exports/{export_id}/{name}"): _EVERY_ROLE,
    ("POST", "/finance/available"): _FINANCE,
    ("POST", "/finance/bank-statement"): _EXPORTING,
    ("GET", "/batches/{batch_id}/money"): _EVERY_ROLE,
    ("POST", "/finance/yearly"): _EXPORTING,
    ("GET", "/finance/reports/{report_id}/lines"): _EVERY_ROLE,
    ("GET", "/freshness"): _EVERY_ROLE,
    ("GET", "/home/pay-days"): _EVERY_ROLE,
    ("GET", "/home/accounts"): _EVERY_ROLE,
    ("GET", "/home/periods"): _EVERY_ROLE,
    # One's own.
    ("GET", "/home/put-away"): _EVERY_ROLE,
    ("POST", "/home/put-away"): _EVERY_ROLE,
    ("DELETE", "/home/put-away/{batch_id}"): _EVERY_ROLE,
    ("GET", "/names"): _EVERY_ROLE,
    ("GET", "/names/unnamed"): _EVERY_ROLE,
    ("GET", "/names/history"): _EVERY_ROLE,
    ("POST", "/names"): _FINANCE,
    ("GET", "/ops/health"): _OPERATIONS,
    ("GET", "/ops/dead-letters"): _OPERATIONS,
    ("POST", "/ops/dead-letters/{dead_letter_id}/redrive"): frozenset({OPERATOR}),
    ("GET", "/ops/limiter"): _EVERY_ROLE,  # the live view of a batch shows the provider's limits
    ("GET", "/ops/duplicates"): _EVERY_ROLE,
    ("GET", "/ops/kill-switch"): _EVERY_ROLE,
    ("POST", "/ops/kill-switch"): frozenset({OPERATOR, APPROVER}),
    ("GET", "/ops/restored"): _EVERY_ROLE,
    # A two-person decision: each service requires an approver as the second person.
    ("POST", "/ops/restored/release"): frozenset({OPERATOR, APPROVER}),
    ("GET", "/audit"): frozenset({AUDITOR, ADMIN}),
    # One's own. Only an administrator adds a webhook; the route asks for that.
    ("GET", "/notifications"): _EVERY_ROLE,
    ("POST", "/notifications/channels"): _EVERY_ROLE,
    ("POST", "/notifications/channels/{channel_id}/events"): _EVERY_ROLE,
    ("POST", "/notifications/channels/{channel_id}/test"): _EVERY_ROLE,
    ("DELETE", "/notifications/channels/{channel_id}"): _EVERY_ROLE,
    ("GET", "/notifications/deliveries"): _EVERY_ROLE,
    ("POST", "/notifications/deliveries/{delivery_id}/again"): _EVERY_ROLE,
}

#: The routes that need no session and no token: they are how one signs in.
PUBLIC_ROUTES: Final = frozenset(
    {
        ("GET", "/sign-in"),
        ("GET", "/sign-in/start"),
        ("GET", "/sign-in/callback"),
        ("POST", "/session"),
        ("POST", "/sign-in/back-channel-logout"),  # proved by the provider's signature
    }
)


def roles_of_groups(groups: Iterable[str], role_of_group: Mapping[str, str]) -> frozenset[str]:
    """The roles that membership in these groups of the identity provider gives."""
    return frozenset(role_of_group[group] for group in groups if group in role_of_group)


def compatible_roles(given: frozenset[str]) -> frozenset[str]:
    """The roles among these that one person may hold: administrators lose LOST_TO_ADMIN."""
    return given - LOST_TO_ADMIN if ADMIN in given else given


def why_lost(lost: frozenset[str]) -> str:
    """Why a person does not have these roles, as a sentence; "" for none."""
    if not lost:
        return ""
    names = " and ".join(role for role in ROLES if role in lost)
    return (
        f"Your groups give you {names} and admin, and an administrator may hold neither preparer "
        "nor approver: who makes API tokens could act as two people. You have the role admin only."
    )


def why_no_token(roles: frozenset[str], person_roles: frozenset[str], *, read_only: bool) -> str:
    """Why an API token with these roles cannot be created for a person; "" if it can."""
    if missing := sorted(roles - person_roles):
        return f"The person does not have the role {', '.join(missing)}."
    if not read_only and (in_person := sorted(roles & IN_PERSON_ROLES)):
        return (
            f"A token with the role {', '.join(in_person)} can only be read-only, "
            "because its holder must act in person."
        )
    return ""
