"""People settle what is right about rows before the approval: accept a changed person, mend what
is missing at the provider, or redirect a loan.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from services.ingest import redirects
from services.ingest.domain.amendment import (
    AmendedRow,
    Amendment,
    accepted_in_words,
    check_acceptable,
    check_accepted_people,
    check_mendable,
    check_mended_rows,
)
from services.ingest.domain.batch import Batch
from services.ingest.domain.decision import (
    AmendingAct,
    Mend,
    Wanted,
    decision_id,
    rows_in_words,
)
from services.ingest.domain.errors import RequestError
from services.ingest.encryption import FieldEncryption
from services.ingest.finalize import preview_payable
from services.ingest.roster import field_parsers
from services.ingest.roster.canonical_ids import canonical_person
from services.ingest.store import amendments, people, preflights, sources, withdrawals

#: The reason code of a row whose institution has no merchant at the provider.
NO_MERCHANT = "no_merchant"


class Amended(NamedTuple):
    """An amendment that was made, and how many rows and cents more the batch may pay by it."""

    amendment: Amendment
    rows: int
    amount_cents: int


class Author(NamedTuple):
    """Who decides about a batch, when, and which of the decisions made together this is."""

    person: str
    now: datetime
    number: int

    @property
    def name(self) -> str:
        """Unique among decisions at one revision, also if a restore went back to before it."""
        return f"{self.number}-{self.now.isoformat()}"


def amend(
    connection: Connection,
    encryption: FieldEncryption,
    batch: Batch,
    wanted: Wanted,
    author: Author,
) -> Amended:
    """Insert an amendment of a locked batch that is ready; the caller has it checked again.

    Raises:
        RequestError: it does not fit its rows; roll back.
    """
    if wanted.mend is not None:
        return _mend(connection, batch, wanted, wanted.mend, author)
    if wanted.redirect is not None:
        return _redirect(connection, encryption, batch, wanted, author)
    return _accept(connection, batch, wanted, author)


def _accept(connection: Connection, batch: Batch, wanted: Wanted, author: Author) -> Amended:
    chosen = wanted.selection
    found = people.find_changed(
        connection, batch.batch_id, chosen, canonical_person(chosen.employee_id)
    )
    missing = len(set(chosen.row_ids)) - len(found) if chosen.row_ids else 0
    fresh = check_acceptable(chosen, found, missing)
    made_before = amendments.list_standing(connection, batch.batch_id)
    before = [row.known for one in made_before for row in one.amended if one.act == "accept"]
    check_accepted_people([*before, *(row.known_index for row in fresh)])
    settled = _Settled(
        rows_in_words([row.file_row for row in fresh]) if chosen.row_ids else chosen.target,
        accepted_in_words(fresh),
        tuple(AmendedRow(row.file_row, row.known_index) for row in fresh),
    )
    made = _insert(connection, batch, wanted, author, settled, fresh)
    return _amended(made, [row for row in fresh if row.status == "refused"])


def _mend(
    connection: Connection, batch: Batch, wanted: Wanted, mend: Mend, author: Author
) -> Amended:
    if mend.institution_id:
        preflight = preflights.get_preflight(connection, batch)
        known = {one.institution_id: one.merchant_id for one in preflight.institutions}
        check_mendable(mend, known if preflight.checked else None)
    found = check_mended_rows(mend, amendments.find_mended_rows(connection, batch.batch_id, mend))
    target, change, details = (
        _merchant(mend) if mend.institution_id else _ein(connection, batch, mend)
    )
    rows = tuple(AmendedRow(row.file_row, about=mend.about) for row in found)
    made = _insert(
        connection, batch, wanted, author, _Settled(target, change, rows, details), found
    )
    return _amended(made, [row for row in found if _waits_for(mend, row)])


def _waits_for(mend: Mend, row: Any) -> bool:
    """Whether a row is unpayable for what is mended; of a source any refusal may be about it."""
    if row.status != "unpayable":
        return False
    return bool((row.reason_code == NO_MERCHANT) == bool(mend.institution_id))


def _redirect(
    connection: Connection,
    encryption: FieldEncryption,
    batch: Batch,
    wanted: Wanted,
    author: Author,
) -> Amended:
    """What is paid more: new rows that will be paid, less what the old loan would be paid."""
    done = redirects.redirect_rows(connection, encryption, batch, wanted)
    target, change = redirects.in_words(done)
    details = {"institution_id": done.loan.institution_id, "loan_last4": done.loan.number[-4:]}
    settled = _Settled(target, change, tuple(done.amended), details)
    made = _insert(connection, batch, wanted, author, settled, done.found)
    number, cents = preview_payable(connection, batch, [UUID(str(row.row_id)) for row in done.made])
    paid = [row for row in done.found if row.status == "payable"]
    return Amended(made, number - len(paid), cents - sum(row.amount_cents for row in paid))


def _merchant(mend: Mend) -> tuple[str, str, dict[str, str]]:
    return (
        f"institution {mend.institution_id}",
        f"paid through merchant {mend.merchant_id} of the provider, which lists none or several",
        {"institution_id": mend.institution_id, "merchant_id": mend.merchant_id},
    )


def _ein(connection: Connection, batch: Batch, mend: Mend) -> tuple[str, str, dict[str, str]]:
    """Change the EIN of a source, which the provider then is asked about."""
    new = field_parsers.ein(mend.ein)
    if new.value is None or new.codes:
        raise RequestError(
            "invalid",
            "decision.ein",
            "An EIN has 9 digits. Nothing was changed.",
            "Enter it as it is in the letter of the tax office.",
        )
    name = mend.source_account_id
    old = {
        one.source_account_id: one.ein for one in sources.list_sources(connection, batch.batch_id)
    }
    if old.get(name) in (None, new.value) or not sources.change_ein(
        connection, batch.batch_id, name, old[name], new.value
    ):
        raise RequestError(
            "conflict",
            "decision.no-change",
            f"{name} is no source of this batch, or has this EIN. Nothing was changed.",
            "Look at the sources of the batch.",
        )
    return (
        f"source {name}",
        f"EIN {new.value} instead of {old[name]}",
        {"source_account_id": name, "from_ein": old[name], "to_ein": new.value},
    )


class _Settled(NamedTuple):
    """What an amendment is about, and what it changes."""

    target: str
    change: str
    rows: tuple[AmendedRow, ...]
    details: Mapping[str, str] = {}


def _insert(
    connection: Connection,
    batch: Batch,
    wanted: Wanted,
    author: Author,
    settled: _Settled,
    found: Sequence[Any],
) -> Amendment:
    act: AmendingAct = "mend" if wanted.mend else "redirect" if wanted.redirect else "accept"
    amendment = Amendment(
        decision_id=decision_id(batch, author.name),
        batch_id=batch.batch_id,
        act=act,
        target=settled.target,
        change=settled.change,
        details=settled.details,
        reason=wanted.reason,
        evidence=wanted.evidence,
        seen_digest=batch.digest or "",
        amended=settled.rows,
        rows=len(found),
        amount_cents=sum(row.amount_cents for row in found),
        decided_by=author.person,
        decided_at=author.now,
    )
    amendments.insert_amendment(connection, amendment)
    return amendment


def _amended(amendment: Amendment, rows: Sequence[Any]) -> Amended:
    return Amended(amendment, len(rows), sum(row.amount_cents for row in rows))


def take_back(connection: Connection, amendment: Amendment, person: str, now: datetime) -> None:
    """Take an amendment of a locked batch back; the caller has it checked again."""
    details = amendment.details
    if "to_ein" in details:
        sources.change_ein(
            connection,
            amendment.batch_id,
            details["source_account_id"],
            details["to_ein"],
            details["from_ein"],
        )
    if amendment.act == "redirect":
        redirects.take_back(connection, amendment)
    withdrawals.withdraw(connection, amendment, person, now)
