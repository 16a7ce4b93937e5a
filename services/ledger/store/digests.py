"""The rows that a rebuild from the topics must reproduce, as ordered queries.

Left out is what depends on the moment of judging: runs, breaks, and since when a change waits.
"""

DIGESTS = {
    "journals": """
        SELECT
            journal_id, batch_id, payment_id, kind,
            amount_cents, row_count, entry_count,
            posted_at
        FROM journal
        ORDER BY journal_id""",
    "entries": """
        SELECT journal_id, n, batch_id, account, layer, amount_cents, row_count
        FROM entry
        ORDER BY journal_id, n""",
    "balances": """
        SELECT batch_id, account COLLATE "C", layer, amount_cents, row_count
        FROM balance
        ORDER BY 1, 2, 3""",
    "payments": """
        SELECT
            payment_id, batch_id, amount_cents, row_count,
            version, status, status_at,
            provider_payment_id, provider_status,
            reversal_id, return_under_way,
            merchant_id,
            reason_code, reason,
            content
        FROM payment
        ORDER BY payment_id""",
    "batches": """
        SELECT batch_id, version, content
        FROM batch
        ORDER BY batch_id""",
    "certificates": """
        SELECT batch_id, version, run_id, outcome, digest, issued_at
        FROM certificate
        ORDER BY 1, 2""",
    "acknowledged": """
        SELECT evidence COLLATE "C", break_id, act, reason, proposed_by, confirmed_by, confirmed_at
        FROM acknowledgement
        ORDER BY 1""",
    "corrections": """
        SELECT journal_id, provider_payment_id, from_account, to_account, amount_cents, posted_at
        FROM correction
        ORDER BY 1""",
}
