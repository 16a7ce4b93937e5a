"""A loan is redirected before the approval: the servicer changed, so another loan is paid instead.

The loan of a row never changes. A redirected row is excluded, and a row of its own with the new
loan takes its place: both are of one file row, so the database lets only one of them be paid. The
new row also claims the days of the old loan, and with the approval the old loan is held for good.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from services.ingest.domain.amendment import AmendedRow, Amendment
from services.ingest.domain.batch import UNAPPROVED, Batch
from services.ingest.domain.decision import Wanted, rows_in_words
from services.ingest.domain.redirect import (
    FROM,
    LOAN_NUMBER,
    POSSIBLE_DUPLICATE,
    TO,
    NewLoan,
    check_new_loan,
    check_redirected,
    ids_of,
    old_loan_hold,
    parse_loan,
    warnings_of,
)
from services.ingest.encryption import FieldEncryption
from services.ingest.roster import field_parsers
from services.ingest.roster.canonical_ids import canonical_loan
from services.ingest.roster.field_parsers import masked
from services.ingest.roster.issue_codes import SENTENCES
from services.ingest.store import holds, issues, redirects, rows
from services.ingest.store.issues import StoredIssue
from services.ingest.store.rows import EncryptedFields, StagedRow


class Redirected(NamedTuple):
    """A redirection: the new loan, the rows whose place is taken, and those that take it.

    `merged` are the numbers of the person's other rows that pay the new loan.
    """

    loan: NewLoan
    found: Sequence[Any]
    made: Sequence[StagedRow]
    merged: Sequence[int]
    amended: Sequence[AmendedRow]


def redirect_rows(
    connection: Connection, encryption: FieldEncryption, batch: Batch, wanted: Wanted
) -> Redirected:
    """Insert the rows that take the place of those with the person and loan of the named row.

    Raises:
        RequestError: it cannot be redirected so; roll back.
    """
    assert wanted.redirect is not None
    loan = parse_loan(wanted.redirect)
    (named,) = wanted.selection.row_ids
    found = check_redirected(redirects.find_rows_of_loan(connection, batch.batch_id, named), named)
    new_key = encryption.loan_key(loan.institution_id, canonical_loan(loan.number))
    others = redirects.list_rows_with_loan(connection, batch.batch_id, new_key)
    merged = [one for one in others if one.person_key == found[0].person_key]
    check_new_loan(found[0].loan_key, new_key, merged)
    last = redirects.last_number(connection, batch.batch_id)
    made = [
        _new_row(old, last + number, loan, new_key, encryption)
        for number, old in enumerate(found, start=1)
    ]
    rows.insert_rows(connection, made)
    rows.insert_encrypted_fields(
        connection,
        [_fields(old, new, loan, encryption) for old, new in zip(found, made, strict=True)],
    )
    _warn(connection, [(new, loan) for new in made], others)
    amended = [
        *(AmendedRow(old.file_row, about=FROM) for old in found),
        *(AmendedRow(new.file_row, known=str(new.row_id), about=TO) for new in made),
    ]
    return Redirected(loan, found, made, [one.file_row for one in merged], amended)


def in_words(made: Redirected) -> tuple[str, str]:
    """Which rows are redirected, and where to, without the whole number."""
    old, loan = made.found[0], made.loan
    change = (
        f"loan {old.institution_id} ending in {old.loan_last4} is redirected to "
        f"{loan.institution_id}, ending in {loan.number[-4:]}"
    )
    if made.merged:
        change += f", which {rows_in_words(list(made.merged))} of this person has as well"
    return rows_in_words([one.file_row for one in made.found]), change


def _new_row(
    old: Any, number: int, loan: NewLoan, loan_key: str, encryption: FieldEncryption
) -> StagedRow:
    same = StagedRow(*(getattr(old, name) for name in StagedRow._fields))
    loan_index = encryption.index.digest("loan", loan.institution_id, loan.number)
    ids = ids_of(old.batch_id, number, loan_index)
    return same._replace(
        row_id=ids.row_id,
        file_row=number,
        status="payable",
        reason_code="",
        reason="",
        own_payment_id=ids.payment_id,
        institution_id=loan.institution_id,
        loan_last4=loan.number[-4:],
        loan_index=loan_index,
        loan_key=loan_key,
        redirect_of=old.file_row,
    )


def _warn(
    connection: Connection, made: Iterable[tuple[StagedRow, NewLoan]], others: Iterable[Any]
) -> None:
    """Insert what is unusual about new rows, as the reader of a file would say it."""
    before = list(others)
    found = []
    for new, loan in made:
        for code in warnings_of(loan, new, before):
            field, value = (
                ("Amount", new.amount_text)
                if code == POSSIBLE_DUPLICATE
                else (LOAN_NUMBER, masked(LOAN_NUMBER, loan.number))
            )
            found.append(
                StoredIssue(
                    UUID(str(new.batch_id)),
                    new.file_row,
                    new.line,
                    field,
                    code,
                    "warning",
                    value,
                    SENTENCES[code],
                )
            )
        before.append(new)
    issues.insert_issues(connection, found)


def _fields(
    old: Any, new: StagedRow, loan: NewLoan, encryption: FieldEncryption
) -> EncryptedFields:
    """The personal fields of the old row, encrypted again for the new one, with the new loan."""
    old_id, new_id = str(old.row_id), str(new.row_id)

    def moved(name: str) -> str:
        return encryption.move(getattr(old, f"{name}_encrypted"), name, old_id, new_id)

    return EncryptedFields(
        new.row_id,
        first_name=moved("first_name"),
        last_name=moved("last_name"),
        dob=moved("dob"),
        phone=moved("phone"),
        loan=encryption.encrypt(loan.number, "loan", new_id, encryption.place(old.person_key)),
        written="",
    )


def close_old_loans(connection: Connection, batch: Batch, now: datetime) -> list[UUID]:
    """Hold the redirected loans of a batch that is being approved, on all days from its period on.

    Holds and approvals wait for each other, so nobody sets one of the same loan meanwhile.

    Returns:
        The batches that have such rows and are open: they are to be checked again.
    """
    touched: set[UUID] = set()
    for old in redirects.list_old_loans(connection, batch.batch_id):
        for days in redirects.list_unheld_days(connection, old.loan_key, batch.period):
            hold = old_loan_hold(batch, old, days, now)
            holds.insert_hold(connection, hold)
            touched |= {
                one.batch_id
                for one in holds.find_affected(connection, hold)
                if one.status in UNAPPROVED and one.rows
            }
    return sorted(touched - {batch.batch_id})


def take_back(connection: Connection, amendment: Amendment) -> None:
    """Delete the warnings about rows whose redirection is taken back: nobody would pay them."""
    made = [one.file_row for one in amendment.amended if one.about == TO]
    issues.delete_of_rows(connection, amendment.batch_id, made)


def insert_published(
    connection: Connection,
    encryption: FieldEncryption,
    batch_id: UUID,
    staged: Sequence[tuple[StagedRow, EncryptedFields]],
    named: Collection[str],
) -> None:
    """Insert published rows that took the place of others and are not here, with their warnings.

    A number that another row has here is that row's, unless a redirection names the published one.

    Args:
        named: the ids of rows that the published redirections name.
    """
    here = redirects.list_taken_numbers(connection, batch_id)
    missing = [
        (row, fields)
        for row, fields in staged
        if row.file_row not in here
        or (here[row.file_row] != row.row_id and str(row.row_id) in named)
    ]
    redirects.delete_rows(
        connection,
        batch_id,
        [here[row.file_row] for row, _ in missing if row.file_row in here],
    )
    for row, fields in missing:
        others = redirects.list_rows_with_loan(connection, batch_id, row.loan_key)
        rows.insert_rows(connection, [row])
        rows.insert_encrypted_fields(connection, [fields])
        if not encryption.cipher.is_any_forgotten(fields.loan):
            number = encryption.decrypt(fields.loan, "loan", str(row.row_id))
            codes = tuple(
                code for code in field_parsers.loan_number(number).codes if code.startswith("W_")
            )
            loan = NewLoan(row.institution_id, number, codes)
            _warn(connection, [(row, loan)], others)
