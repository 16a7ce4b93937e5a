"""Every difference is found as a break: between our tables, and from the provider's list."""

from typing import Any
from uuid import UUID

import pytest

from libs.common.contracts.events.provider import StatementLine
from services.ledger.tests.conftest import Database
from services.ledger.tests.explained import deliver_orphan, good_lines
from services.ledger.tests.factories import (
    at,
    closed,
    line,
    payment_id,
)
from services.ledger.tests.harness import (
    ENDS,
    PROVIDER_STATUSES,
    batch_events,
    breaks,
    certificates,
    deliver,
    published,
    tamper,
)

pytestmark = pytest.mark.database


TAMPERED = {
    ("balance", "branch:X posted"): (
        "balance",
        """
        UPDATE balance
        SET amount_cents = amount_cents + 1
        WHERE account = 'branch:X' AND layer = 'posted'""",
    ),
    ("balance", "source:A posted"): (
        "balance",
        "DELETE FROM balance WHERE account = 'source:A' AND layer = 'posted'",
    ),
    ("balance", "branch:Q posted"): (
        "balance",
        "INSERT INTO balance VALUES (CAST(:b AS uuid), 'branch:Q', 'posted', 0, 1)",
    ),
    ("balance", "branch:Y pending"): (
        "entry",
        "DELETE FROM entry WHERE account = 'branch:Y' AND layer = 'pending' AND amount_cents = 200",
    ),
    ("journal", ""): (
        "journal",
        "DELETE FROM journal WHERE payment_id = CAST(:p AS uuid) AND kind = 'settle'",
    ),
    ("journal", "of no payment"): (
        "journal",
        """
        UPDATE journal
        SET payment_id = gen_random_uuid()
        WHERE payment_id = CAST(:p AS uuid) AND kind = 'settle'""",
    ),
    ("rows", "payment"): (
        "payment_row",
        """
        UPDATE payment_row
        SET amount_cents = amount_cents + 1
        WHERE payment_id = CAST(:p AS uuid) AND amount_cents = 300""",
    ),
    ("rows", "branch:Z"): (
        "payment_row",
        "DELETE FROM payment_row WHERE branch_id = 'Z' AND amount_cents = 1",
    ),
    ("rows", "source:B"): (
        "payment",
        "UPDATE payment SET source_account_id = 'B' WHERE payment_id = CAST(:p AS uuid)",
    ),
    ("rows", "payments:count"): ("batch", "UPDATE batch SET payments = 3"),
    ("rows", "batch:payable"): (
        "batch",
        "UPDATE batch SET row_counts = jsonb_set(row_counts, '{payable}', '6')",
    ),
    ("rows", "total"): (
        "batch",
        "UPDATE batch SET amounts_cents = jsonb_set(amounts_cents, '{excluded}', '91')",
    ),
    ("duplicate", "claimed"): (
        "payment",
        "UPDATE payment SET provider_payment_id = 'pmt_3' WHERE payment_id = CAST(:p AS uuid)",
    ),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_each_planted_violation_is_found_and_bars_the_certificate(
    database: Database, kind: tuple[str, str]
) -> None:
    *events, last = batch_events(ENDS)
    deliver(database.service, *events)
    tamper(database, *TAMPERED[kind])
    deliver(database.service, last)
    assert kind in breaks(database.service)
    assert certificates(database.service) == []


SWAPPED = [
    line(1, "posted", position=1, loan_last4="1003"),
    line(3, "posted", position=3, loan_last4="1001"),
]


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([line(1, "posted", amount_cents=501)], ("amount", "")),
        ([line(1, "pending")], ("status", "")),
        ([], ("missing_there", "")),
        (
            [line(1, "posted"), line(1, "sent", position=9, provider_payment_id="pmt_9")],
            ("duplicate", ""),
        ),
        (
            [
                line(1, "posted"),
                line(1, "sent", position=9, provider_payment_id="pmt_9", payment_id=""),
            ],
            ("orphan", ""),
        ),
        (
            [
                line(1, "posted"),
                line(1, "sent", position=9, provider_payment_id="pmt_9", payment_id="not-a-uuid"),
            ],
            ("orphan", ""),
        ),
        (
            [
                line(1, "posted"),
                line(
                    1, "sent", position=9, provider_payment_id="pmt_9", payment_id=str(UUID(int=9))
                ),
            ],
            ("missing_here", ""),
        ),
        ([line(1, "posted", employee_id="E4")], ("wrong_account", "employee")),
        (SWAPPED, ("wrong_account", "loan")),
    ],
)
def test_each_difference_from_the_provider_is_found_and_closed_by_the_next_clean_run(
    database: Database, lines: list[Any], kind: tuple[str, str]
) -> None:
    *events, _ = batch_events(ENDS)
    replaced = {x.payment_id for x in lines} | {str(payment_id(1))}
    rest = [e for e in events if isinstance(e, StatementLine) and e.payment_id not in replaced]
    deliver(
        database.service,
        *(e for e in events if e.topic.name != "provider-statements"),
        *lines,
        *rest,
        closed([*lines, *rest], 12),
    )
    assert kind in breaks(database.service)
    assert certificates(database.service) == []
    judged = published(database.service, "reconciliation-judged.v1")[0]
    assert (judged["clean"], judged["break_count"], judged["breaks"][0]["kind"]) == (
        False,
        len(breaks(database.service)),
        kind[0],
    )
    good = [line(n, PROVIDER_STATUSES[end], "run-2") for n, end in ENDS.items()]
    deliver(
        database.service, *good, closed(good, 12, "run-2", begun_at=at(200), occurred_at=at(201))
    )
    assert breaks(database.service) == []
    assert len(certificates(database.service)) == 1


def test_a_run_that_was_cut_short_closes_only_what_it_has_looked_for(database: Database) -> None:
    deliver_orphan(database)
    times = [{"begun_at": at(100 * n), "occurred_at": at(100 * n + 1)} for n in (2, 3)]
    short = closed([], 12, "run-2", complete=False, message="cut short", **times[0])
    deliver(database.service, short)
    assert breaks(database.service) == [("incomplete", "walk"), ("orphan", "")]
    good = good_lines("run-3")
    deliver(database.service, *good, closed(good, 12, "run-3", **times[1]))
    assert breaks(database.service) == []
