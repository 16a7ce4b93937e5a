"""The audit log."""

from datetime import datetime

from services.gateway.domain.audit_chain import AuditKind
from services.gateway.schemas.models import PageModel, ResponseModel


class AuditLine(ResponseModel):
    """One line of the audit log."""

    seq: int
    at: datetime
    kind: AuditKind
    request_id: str
    person: str
    roles: list[str]
    method: str
    path: str
    status: int | None
    subject: str
    via: str
    address: str
    hash: str


class Audit(PageModel):
    """A page of the audit log, newest first. `verified`: no line of the whole log was changed."""

    items: list[AuditLine]
    verified: bool
    first_broken: int | None
