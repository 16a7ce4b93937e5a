"""Where reports keeps sealed values: the names it prints."""

from libs.common.crypto.key_check import EncryptedColumns

PLACES = EncryptedColumns(
    samples="""
        SELECT r.first_name AS sealed, 'first_name' AS field, CAST(r.row_id AS text) AS row_id
        FROM batch b CROSS JOIN LATERAL (SELECT row_id, first_name FROM file_row f WHERE f.batch_id = b.batch_id AND first_name <> '' LIMIT 1) r""",
    everything={"file_row": "SELECT unnest(ARRAY[first_name, last_name]) FROM file_row"},
)
