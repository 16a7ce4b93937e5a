"""The rows of the table, in the order in which they are measured.

What needs the stack stands together; the limit needs another one and comes after it.
"""

from collections.abc import Sequence

from devtools.bench.figures import Row
from devtools.bench.rows import (
    calls,
    consumer_loop,
    demo,
    growth,
    holds,
    idle,
    ingest,
    limit,
    pages,
    past,
    payments,
    payments_csv,
    relay,
    search,
    statuses,
    suite,
    webhooks,
)

ROWS: Sequence[Row] = (
    ingest.ROW,
    holds.ROW,
    statuses.ROW,
    consumer_loop.ROW,
    relay.ROW,
    payments_csv.ROW,
    pages.ROW,
    search.ROW,
    past.ROW,
    growth.ROW,
    ingest.ROW_MILLION,
    payments.FIRST,
    payments.SECOND,
    calls.ROW,
    demo.ROW,
    webhooks.ROW,
    idle.ROW,
    limit.ROW,
    suite.ROW,
)
