"""Where the dispatcher keeps sealed values: what it read of rows and sources, and the frozen bodies that hold personal values."""

from libs.common.crypto.key_check import EncryptedColumns

PLACES = EncryptedColumns(
    # An attempt that may be sent again is opened again; those that ended never are.
    samples="""
        SELECT account AS sealed, 'account' AS field, batch_id || '/' || source_account_id AS row_id FROM source
        UNION ALL
        SELECT a.body, 'attempt', a.subject_id || '/' || a.n FROM object o JOIN attempt a ON a.subject_id = o.object_id AND a.n = o.attempts
        WHERE o.status IN ('unprocessed', 'sending', 'in_doubt')""",
    everything={
        "source": "SELECT account FROM source",
        "batch_row": "SELECT unnest(ARRAY[first_name, last_name, dob, phone, loan]) FROM batch_row",
        "attempt": "SELECT body FROM attempt WHERE kind <> 'payment'",
    },
)
