"""What all routes of ingest share: their dependencies, HTTP statuses of errors, roles and pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Engine

from libs.common.web import pagination
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import Problem
from services.ingest.domain.approval import ApprovalPolicy
from services.ingest.domain.errors import RequestError
from services.ingest.domain.pay_period import PayCalendar
from services.ingest.encryption import FieldEncryption
from services.ingest.schemas.requests import PageQuery
from services.ingest.settings import IngestSettings
from services.ingest.store.queries import ListOrder, Page
from services.ingest.uploads import UploadFolder
from services.ingest.year_limit import limits_of

LIMIT_MAX: Final = 1_000
STATUS: Final = {"not_found": 404, "forbidden": 403, "conflict": 409, "invalid": 422}
ROLE_SENTENCES: Final = {
    "preparer": "upload, correct or derive batches",
    "approver": "approve batches",
}

#: The roles that may see the names of people; as the gateway's `PERSONAL_ROLES`.
PEOPLE_ROLES: Final = ("preparer", "approver", "auditor")


@dataclass(frozen=True)
class Dependencies:
    """What the routes work with."""

    engine: Engine
    settings: IngestSettings
    folder: UploadFolder
    encryption: FieldEncryption

    @property
    def calendar(self) -> PayCalendar:
        """The pay calendar that is configured."""
        return PayCalendar(self.settings.pay_calendar, self.settings.period_anchor)

    @property
    def policy(self) -> ApprovalPolicy:
        """What the settings allow at an approval."""
        return ApprovalPolicy(self.settings.one_person, limits_of(self.settings))


@contextmanager
def request_errors() -> Iterator[None]:
    """Answer a RequestError with its HTTP status."""
    try:
        yield
    except RequestError as error:
        raise Problem(
            STATUS[error.kind], error.code, str(error), error.action, **error.more
        ) from None


def require_role(actor: Actor, *roles: str) -> None:
    """Answer 403 unless the person has one of the roles."""
    if not actor.person or not actor.roles.intersection(roles):
        does = " or ".join(ROLE_SENTENCES.get(role, role) for role in roles)
        raise Problem(
            403,
            "auth.forbidden",
            f"Only {' or '.join(roles)} may do this ({does}).",
            "Ask somebody with that role.",
        )


def may_see_people(actor: Actor) -> bool:
    """Whether the person may see the names of people beside what was decided about them."""
    return bool(actor.roles.intersection(PEOPLE_ROLES))


def parse_id(text: str, noun: str) -> UUID:
    """The id in a path. A text that is no id belongs to nothing: 404."""
    try:
        return UUID(text)
    except ValueError:
        raise Problem(
            404, f"{noun}.unknown", f"There is no such {noun}.", "Check the id."
        ) from None


def read_page(query: PageQuery, order: ListOrder) -> Page:
    """The page that a request asks for; 422 for an order or a cursor of another list."""
    sort = query.sort or order.default
    if sort.removeprefix("-") not in order.columns:
        raise Problem(
            422,
            "page.sort",
            f"This list is sorted by one of {', '.join(order.columns)}, with - for descending.",
            "Sort by one of these.",
        )
    offset = pagination.read_offset(query.cursor, f"{order.name}:{sort}")
    return Page(order, sort, offset, min(max(query.limit, 1), LIMIT_MAX), query.q)


def next_cursor(page: Page, items: int, total: int) -> str | None:
    """The cursor of the page after one with so many items; None after the last page."""
    return pagination.next_offset(f"{page.order.name}:{page.sort}", page.offset + items, total)
