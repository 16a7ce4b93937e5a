"""What one payment may cost in the dispatcher, and why. `test_payment_cost` holds these numbers.

They do not depend on the machine. A number that falls is written down here; one that rises by more
than 5 % needs a better reason than the one beside it. The payments are 96 of one batch, 32 sent by
one transaction, and read as `processing` and as `sent` after webhooks that come by sixteens. Rows
are those that PostgreSQL counts for its tables. Which updates are HOT is chance: nothing holds it.
"""

from libs.common.testing.cost import Limit

COST = {
    "provider calls": Limit(
        1.073,
        "one POST; a list page answers for a hundred payments at each status; one walk for a batch",
    ),
    "statements": Limit(
        1.854,
        "each works on many payments: the lease and the answers on 32, hints on 16, readings on a "
        "page; the gate also reads the sources that the provider refuses; a look for what is due "
        "costs some more",
    ),
    "commits": Limit(
        0.5,
        "gate and intent, answers, hints, and readings have a transaction each, for many payments",
    ),
    "updates of payment": Limit(
        4.0,
        "intent, answer, and a reading for each of two statuses; it is bound to its accounts when "
        "it is inserted, and webhooks wait in a table of their own",
    ),
    "rows updated": Limit(
        7.385,
        "besides the payment its attempt, once answered, its row, once prepared, its account here "
        "in the test, and the limiter for each call",
    ),
    "rows inserted": Limit(
        12.271,
        "payment, its row twice, attempt, account, four events, three webhooks; batch and sources",
    ),
    "rows deleted": Limit(3.0, "each of three webhooks, once a reading has answered it"),
    "rows fetched": Limit(
        94.0,
        "most by joins that look up accounts by key when a payment is inserted and sent; all are "
        "read by key here",
    ),
    "messages on status-events": Limit(
        4.0, "`sending`, `pending`, and one for each status that the provider shows"
    ),
    "messages on preparation": Limit(0.0105, "one for a batch"),
    "bytes on status-events": Limit(2_494, "four whole states of a payment, about 620 bytes each"),
    "bytes on preparation": Limit(3.198, "one for a batch"),
}
