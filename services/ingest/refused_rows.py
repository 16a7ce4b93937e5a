"""The refused rows of a batch as a file, which can be mended and uploaded again.

The file is made while it is sent: the uploaded file is read again in the confined child process,
because the database does not keep every text of a refused row. Nothing of it is stored anew.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Engine

from services.ingest.domain.batch import Batch
from services.ingest.domain.errors import RequestError
from services.ingest.file_checks import is_unchanged
from services.ingest.roster.cross_row_rules import RosterSummary
from services.ingest.roster.row_link import as_comment, write_comment
from services.ingest.roster.row_rules import ParsedRow
from services.ingest.roster.xml_writer import HEAD, ROOT, write_row
from services.ingest.store import batches, issues
from services.ingest.store import mended_rows as stored
from services.ingest.uploads import UploadFolder

CHUNK_ROWS: Final = 1_000
FIELD_OF_ROW: Final = "the row"
Read = Callable[[], Iterable[ParsedRow | RosterSummary]]


def check_refused_rows(engine: Engine, batch_id: UUID, folder: UploadFolder) -> Batch:
    """The batch whose refused rows are asked for.

    Args:
        folder: has the file that the batch was read from.

    Raises:
        RequestError: there are none, or the batch has no file, or it was removed or changed.
    """
    with engine.connect() as connection:
        batch = batches.get_batch(connection, batch_id)
        number = stored.count_refused(connection, batch_id)
    if not number:
        raise RequestError(
            "conflict",
            "refused-rows.none",
            "This batch has no refused row that is still unpaid. No money is affected.",
            "Look at the rows of the batch.",
        )
    if not batch.content_sha256:
        raise RequestError(
            "conflict",
            "refused-rows.copied",
            f"The rows of this batch were copied from batch {batch.parent_batch_id}, so it has no "
            "file of its own, and its refused rows cannot be written. No money is affected.",
            "Make the child batch again from that batch, then accept there what has changed.",
        )
    if folder.was_removed(batch_id):
        raise RequestError(
            "conflict",
            "refused-rows.file-removed",
            "The uploaded file of this batch was removed because it was old, so its refused rows "
            "cannot be written. No money is affected.",
            "Upload a new file with these rows.",
        )
    if not is_unchanged(folder, batch_id, batch.content_sha256):
        raise RequestError(
            "conflict",
            "refused-rows.file-lost",
            "The uploaded file of this batch is gone or not what was uploaded, so its refused rows "
            "cannot be written. No money is affected.",
            "Tell an operator: the file must be restored from a backup.",
        )
    return batch


def write_refused_rows(engine: Engine, batch: Batch, read: Read) -> Iterator[bytes]:
    """The refused rows of a batch as a roster in pieces, each row after a comment that says why.

    Args:
        read: reads the uploaded file of the batch.

    Raises:
        FileRejected: the file cannot be read any more. What was sent is then no whole document.
    """
    head = as_comment(
        f"The refused rows of {batch.filename}, batch {batch.batch_id}. Change the values that are "
        "wrong and leave the comments; rows may be left out. Upload it on the page of that batch."
    )
    yield f"{HEAD}\n{head}\n<{ROOT}>\n".encode()
    found = (piece for piece in read() if isinstance(piece, ParsedRow))
    while chunk := list(islice(found, CHUNK_ROWS)):
        with engine.connect() as connection:
            text = _write_chunk(connection, batch.batch_id, chunk)
        if text:
            yield text.encode()
    yield f"</{ROOT}>\n".encode()


def _write_chunk(connection: Connection, batch_id: UUID, chunk: Sequence[ParsedRow]) -> str:
    found = stored.list_refused(connection, batch_id, [row.file_row for row in chunk])
    refused = {one.file_row: one for one in found}
    reasons: dict[int, list[str]] = {file_row: [] for file_row in refused}
    for issue in issues.list_of_rows(connection, batch_id, list(refused), "row"):
        value = f" Found: {issue.value}" if issue.value else ""
        reasons[issue.file_row].append(
            f"{issue.field or FIELD_OF_ROW}: {issue.message} ({issue.code}){value}"
        )
    # Issues are not published: after a restore a row has its first reason only.
    return "".join(
        write_row(
            row,
            [write_comment(row.file_row, one.root_row_id, reasons[row.file_row] or [one.reason])],
        )
        for row in chunk
        if (one := refused.get(row.file_row))
    )
