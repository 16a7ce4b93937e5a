"""Rows of a recovered batch, as they were published."""

from sqlalchemy import Connection

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.rows import RowRead
from libs.common.crypto.field_encryption import FORGOTTEN
from services.ingest import redirects
from services.ingest.domain.batch import payment_id
from services.ingest.domain.decision_messages import published_amendments
from services.ingest.domain.redirect import TO, choose_published, ids_of
from services.ingest.encryption import FieldEncryption
from services.ingest.roster.canonical_ids import canonical_loan, canonical_person
from services.ingest.store import published_events
from services.ingest.store.rows import EncryptedFields, StagedRow


def staged(encryption: FieldEncryption, row: RowRead) -> StagedRow:
    """A row, with its personal fields decrypted for names and blind indexes.

    A forgotten person has neither, and a loan key by this spelling alone; claims hold by its index.
    """
    is_forgotten = encryption.cipher.is_any_forgotten(row.first_name, row.last_name, row.loan)

    def decrypt(field: str, forgotten: str = "") -> str:
        if is_forgotten:
            return forgotten
        return encryption.decrypt(getattr(row, field), field, str(row.row_id))

    born, phone, loan = decrypt("dob"), decrypt("phone"), decrypt("loan", row.loan_index)
    return StagedRow(
        row_id=row.row_id,
        root_row_id=row.root_row_id,
        batch_id=row.batch_id,
        file_row=row.file_row,
        line=0,
        status=row.status,
        reason_code=row.reason_code,
        reason=row.reason,
        own_payment_id=ids_of(row.batch_id, row.file_row, row.loan_index).payment_id
        if row.redirect_of
        else payment_id(row.batch_id, row.file_row),
        employee_id=row.employee_id,
        branch_id=row.branch_id,
        source_account_id=row.source_account_id,
        institution_id=row.institution_id,
        first_name=decrypt("first_name", FORGOTTEN),
        last_name=decrypt("last_name", FORGOTTEN),
        loan_last4=row.loan_last4,
        loan_index=row.loan_index,
        person_index=row.person_index,
        dob_index=encryption.index.digest("dob", born) if born else "",
        phone_index=encryption.index.digest("phone", phone) if phone else "",
        amount_text=row.amount_text,
        amount_cents=row.amount_cents,
        person_key=canonical_person(row.employee_id),
        loan_key=encryption.loan_key(row.institution_id, canonical_loan(loan)),
        redirect_of=row.redirect_of,
    )


def encrypted(row: RowRead) -> EncryptedFields:
    """The encrypted fields of a row as they were published."""
    return EncryptedFields(
        row.row_id, row.first_name, row.last_name, row.dob, row.phone, row.loan, written=""
    )


def insert_redirected(
    connection: Connection, encryption: FieldEncryption, newest: BatchChanged, first: int
) -> int:
    """Insert the published rows that took the place of others and are not here.

    Returns:
        How many such rows the batch has, as it was published.
    """
    named = {
        row.known
        for one in published_amendments(newest)
        if one.act == "redirect"
        for row in one.amended
        if row.about == TO
    }
    published = [
        row
        for page in published_events.pages_of_newest_rows(connection, newest.batch_id, first)
        for row in page
        if row.redirect_of
    ]
    found = [
        (staged(encryption, row), encrypted(row)) for row in choose_published(published, named)
    ]
    redirects.insert_published(connection, encryption, newest.batch_id, found, named)
    return len(found)
