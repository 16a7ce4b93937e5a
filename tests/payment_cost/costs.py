"""What one payment may cost in the services around the dispatcher, and why.

`test_services` holds these numbers; the dispatcher's are in its own `tests/payment_cost.py`. The
payments are 96 of one batch, each of one row. Messages come by sixteens, as under the load of the
local stack, so a turn's offsets, inbox and savepoint are a sixteenth each. What a batch costs once,
as its certificate, is in the figures too.
"""

from libs.common.testing.cost import Limit

COSTS = {
    "ledger": {
        "statements": Limit(
            4.625,
            "a turn needs 10 to 13: offsets, inbox, savepoint, the lock of the batch, and for the "
            "statuses what waits, what was applied, the changes and the payments; it is one of 38",
        ),
        "commits": Limit(0.438, "a turn for sixteen approvals, statuses or lines of the statement"),
        "rows inserted": Limit(
            23.115,
            "hold and settlement: journal, two entries and event of each; payment, its row, four "
            "changes, a line of the statement, and the inbox for each of six messages",
        ),
        "rows updated": Limit(
            4.74, "the payment at each of four versions; balances and offsets once a turn"
        ),
        "updates of payment": Limit(4.0, "one at each version"),
        "rows fetched": Limit(
            232.396,
            "106 payments, 74 entries, 25 journals: by key for each status and journal, and to "
            "judge the batch; tables of this size are read whole by some statements",
        ),
        "messages on ledger-postings": Limit(
            2.021, "the hold and the settlement; the certificate and its judgement for a batch"
        ),
        "bytes on ledger-postings": Limit(824.76, "two of about 400"),
    },
    "reports": {
        "statements": Limit(
            4.156,
            "a turn needs 5 to 8: offsets, inbox, savepoint, and one for each table; statuses also "
            "lock their payments and show the newest version. It is one of 62",
        ),
        "commits": Limit(0.698, "a turn for sixteen messages of each of four topics, and a batch"),
        "rows inserted": Limit(
            21.062,
            "payment, its row, four changes, three webhooks, two journals; the inbox for each of "
            "ten messages",
        ),
        "rows updated": Limit(4.646, "the payment at each version; offsets once a turn"),
        "updates of payment": Limit(4.0, "one at each version"),
        "rows fetched": Limit(
            207.396,
            "150 changes and 56 payments: all versions are numbered at each status, and tables of "
            "this size are read whole",
        ),
    },
    "webhooks": {
        "statements": Limit(0.375, "two for sixteen deliveries: the deliveries, the messages"),
        "commits": Limit(0.188, "one for sixteen deliveries, of which a payment has three"),
        "rows inserted": Limit(6.0, "each of three deliveries, and its message"),
        "messages on provider-events": Limit(3.0, "one for each delivery"),
        "bytes on provider-events": Limit(933.0, "three of about 310"),
    },
    "ingest": {
        "statements": Limit(
            1.341, "the approval, and for sixteen journals offsets, inbox, savepoint and the claims"
        ),
        "commits": Limit(0.176, "the approval, and a turn for sixteen journals"),
        "rows inserted": Limit(
            8.235,
            "payment, its row, its claims, its message, and the inbox for each of two journals",
        ),
        "rows updated": Limit(0.165, "offsets once a turn, the batch twice"),
        "rows fetched": Limit(
            55.694,
            "the rows of the batch, with people and claims, by key; its payments are read once "
            "more to compare them with the digest that is approved",
        ),
        "messages on approved-payments": Limit(1.0, "the payment"),
        "bytes on approved-payments": Limit(1_094.071, "all that the dispatcher pays by"),
        "messages on batches": Limit(0.012, "one for the batch"),
        "bytes on batches": Limit(80.8, "the whole batch once"),
    },
}
