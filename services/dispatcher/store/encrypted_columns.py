"""Queries for the encrypted values of the database; `key_check` asks them.

Encrypted are the personal values of rows, the account numbers of sources, and the frozen bodies of
attempts that create provider objects.
"""

from typing import Final

#: One value of each key that is in use. An attempt that may be sent again is decrypted again; those
#: that have ended never are.
SAMPLES: Final = """
    SELECT account AS sealed, 'account' AS field,
           batch_id || '/' || source_account_id AS row_id
    FROM source
    UNION ALL
    SELECT a.body, 'attempt', a.subject_id || '/' || a.n
    FROM object o
    JOIN attempt a ON a.subject_id = o.object_id AND a.n = o.attempts
    WHERE o.status IN ('unprocessed', 'sending', 'in_doubt')"""
#: All values, by the table they are in.
EVERYTHING: Final = {
    "source": "SELECT account FROM source",
    "batch_row": """
        SELECT unnest(ARRAY[first_name, last_name, dob, phone, loan])
        FROM batch_row""",
    "attempt": "SELECT body FROM attempt WHERE kind <> 'payment'",
}
