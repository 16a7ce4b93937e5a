"""A line of the audit log as an event of the Open Cybersecurity Schema Framework (OCSF).

Class 6003, API Activity. What OCSF has no field for is in `unmapped`, with the hash of the line, so
that an export in this form shows gaps like the other one.
"""

import json
from datetime import datetime
from typing import Any, Final

from services.gateway.domain.audit_chain import AuditEntry, ChainedEntry

VERSION: Final = "1.3.0"
CATEGORY, CLASS = 6, 6003
ACTIVITIES: Final = {"POST": 1, "GET": 2, "PUT": 3, "PATCH": 3, "DELETE": 4}
OTHER, INFORMATIONAL, LOW = 99, 1, 2
UNKNOWN, SUCCESS, FAILURE = 0, 1, 2


def as_ocsf(line: ChainedEntry) -> str:
    """A line of the log as one line of JSON in OCSF's words. A second call gives the same."""
    entry = line.entry
    activity = ACTIVITIES.get(entry.method, OTHER)
    event: dict[str, Any] = {
        "category_uid": CATEGORY,
        "class_uid": CLASS,
        "activity_id": activity,
        "type_uid": CLASS * 100 + activity,
        "time": round(datetime.fromisoformat(entry.at).timestamp() * 1000),
        "severity_id": LOW if entry.kind == "refused" else INFORMATIONAL,
        "status_id": _status(entry),
        "metadata": {
            "version": VERSION,
            "uid": str(line.seq),
            "correlation_uid": entry.request_id,
            "product": {"name": "paydown", "vendor_name": "paydown"},
        },
        "actor": {
            "user": {"uid": entry.person, "groups": [{"name": role} for role in entry.roles]},
        },
        "api": {"operation": f"{entry.method} {entry.path}"},
        "src_endpoint": {"ip": entry.address},
        "http_request": {"http_method": entry.method, "url": {"path": entry.path}},
        "unmapped": {
            "kind": entry.kind,
            "subject": entry.subject,
            "via": entry.via,
            "seq": line.seq,
            "hash": line.hash,
        },
    }
    if entry.status is not None:
        event["http_response"] = {"code": entry.status}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _status(entry: AuditEntry) -> int:
    """Whether the call succeeded; unknown before it was carried out."""
    if entry.kind == "refused":
        return FAILURE
    if entry.status is None:
        return UNKNOWN
    return SUCCESS if entry.status < 400 else FAILURE
