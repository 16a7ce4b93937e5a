"""Two people explain a break; as it was seen it then bars no certificate, which lists it."""

from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlalchemy.exc import DBAPIError

from libs.common.contracts.events.ledger import AcknowledgeAct
from libs.common.contracts.two_person import NotAllowed
from libs.common.database.engine import run
from services.ledger.domain.acknowledgements import correcting_journals, is_acknowledgeable
from services.ledger.domain.comparisons import OutsideMoney
from services.ledger.reconciliation.acknowledging import Order, Refused, order_acknowledgement
from services.ledger.tests.conftest import Database
from services.ledger.tests.explained import (
    acknowledge,
    by_hand,
    count_open,
    deliver_ended_batch,
    deliver_orphan,
    good_lines,
    open_break,
    statement,
)
from services.ledger.tests.factories import BATCH, at, batch, closed, line
from services.ledger.tests.harness import breaks, certificates, deliver, published, rows


def test_only_money_beside_our_payments_can_be_explained() -> None:
    for kind, subject in (
        *(("waiting", ""), ("dead_letter", "1"), ("incomplete", "walk"), ("rows", "total")),
        *(("journal", ""), ("balance", "x"), ("late_return", ""), ("status", "")),
        *(("missing_there", ""), ("duplicate", "claimed"), ("duplicate", "dispatcher")),
    ):
        assert not is_acknowledgeable(kind, subject)
    assert is_acknowledgeable("orphan", "")
    assert is_acknowledgeable("wrong_account", "loan")
    assert is_acknowledgeable("status", "unbound")


def test_the_corrections_of_a_provider_payment_come_to_its_money() -> None:
    def due(act: str, cents: int, posted: int) -> list[tuple[str, str, int]]:
        money = [OutsideMoney("pmt_9", cents)]
        posted_money = [OutsideMoney("pmt_9", posted)]
        before = correcting_journals(BATCH, "d", "source:A", "by-hand", posted_money, ())
        journals = correcting_journals(BATCH, "e", "source:A", act, money, before)
        return [(one.from_account, one.to_account, one.amount_cents) for one in journals]

    assert due("by-hand", 500, 0) == [("source:A", "outside:provider", 500)]
    assert due("by-hand", 500, 500) == []
    assert due("fee", -10, 0) == [("outside:provider", "source:A", 10)]
    assert due("recovered", 500, 500) == [("outside:provider", "source:A", 500)]
    assert due("explained", 500, 0) == []


@pytest.fixture
def orphaned(database: Database) -> Database:
    deliver_orphan(database)
    return database


@pytest.mark.database
def test_a_payment_made_by_hand_is_explained_and_the_certificate_lists_it(
    orphaned: Database,
) -> None:
    database = orphaned
    assert acknowledge(database, "by-hand", "anna", "anna", "adam") == [
        "proposed",
        "proposed",
        "done",
    ]
    assert certificates(database.service) == []  # the provider's list is read again first
    assert count_open(database) == 0
    statement(database, 2, by_hand(run_name="run-2"))
    (certificate,) = certificates(database.service)
    (listed,) = certificate["acknowledged"]
    assert {name: listed[name] for name in ("kind", "provider_payment_id", "amount_cents")} == {
        "kind": "orphan",
        "provider_payment_id": "pmt_hand",
        "amount_cents": 12_00,
    }
    assert (listed["act"], listed["reason"]) == ("by-hand", "paid by hand on Monday")
    assert (listed["proposed_by"], listed["confirmed_by"]) == ("anna", "adam")
    (journal,) = listed["journals"]
    assert (journal["from_account"], journal["to_account"], journal["amount_cents"]) == (
        "source:A",
        "outside:provider",
        12_00,
    )
    (written,) = rows(database.service, "SELECT * FROM correction")
    assert str(written.journal_id) == journal["journal_id"]
    (judged,) = published(database.service, "reconciliation-judged.v1")[1:]
    assert (judged["clean"], judged["break_count"], judged["breaks"]) == (True, 0, [])
    # What is listed without any is the same certificate as before there were acknowledgements.
    deliver(database.service, batch(6))
    statement(database, 3)
    assert ["acknowledged" in one for one in certificates(database.service)] == [True, False]


@pytest.mark.database
def test_a_statement_that_began_before_the_decision_does_not_count(orphaned: Database) -> None:
    acknowledge(orphaned, "by-hand", "anna", "adam")
    lines = [*good_lines("early"), by_hand(run_name="early")]
    deliver(
        orphaned.service, *lines, closed(lines, 12, "early", begun_at=at(95), occurred_at=at(96))
    )
    assert certificates(orphaned.service) == []


@pytest.mark.database
@pytest.mark.parametrize("changed", [{"amount_cents": 13_00}, {"provider_status": "failed"}])
def test_a_break_that_changes_bars_again_and_its_journals_follow(
    orphaned: Database, changed: dict[str, Any]
) -> None:
    database = orphaned
    acknowledge(database, "by-hand", "anna", "adam")
    other = by_hand(run_name="run-2", **changed)
    statement(database, 2, other)
    assert certificates(database.service) == []
    assert count_open(database) == 1
    act: AcknowledgeAct = "explained" if "provider_status" in changed else "by-hand"
    assert acknowledge(database, act, "anna", "adam") == ["proposed", "done"]
    statement(database, 3, other.model_copy(update={"run_id": uuid5(BATCH, "run-3")}))
    assert len(certificates(database.service)) == 1
    (total,) = rows(
        database.service,
        """
        SELECT sum(CASE WHEN to_account = 'outside:provider' THEN 1 ELSE -1 END * amount_cents) AS n
        FROM correction""",
    )
    assert total.n == (0 if act == "explained" else 13_00)


@pytest.mark.database
def test_progress_at_the_provider_is_no_other_break(orphaned: Database) -> None:
    acknowledge(orphaned, "by-hand", "anna", "adam")
    statement(orphaned, 2, by_hand("cashed", "run-2"))
    assert len(certificates(orphaned.service)) == 1


@pytest.mark.database
def test_what_is_proposed_lapses_when_the_break_changes(orphaned: Database) -> None:
    acknowledge(orphaned, "by-hand", "anna")
    seen = open_break(orphaned).evidence
    statement(orphaned, 2, by_hand(run_name="run-2", amount_cents=13_00))
    with pytest.raises(Refused, match="no longer what you saw"):
        acknowledge(orphaned, "by-hand", "adam", evidence=seen)
    assert acknowledge(orphaned, "by-hand", "adam") == ["proposed"]


@pytest.mark.database
def test_one_person_or_one_with_a_hand_in_the_batch_confirms_nothing(orphaned: Database) -> None:
    acknowledge(orphaned, "by-hand", "anna")
    for changed in ({"approver": False}, {"counts_as": frozenset({"anna"})}):
        with pytest.raises(NotAllowed):
            acknowledge(orphaned, "by-hand", "adam", **changed)
    deliver(orphaned.service, batch(6, barred=("adam",)))
    with pytest.raises(NotAllowed):
        acknowledge(orphaned, "by-hand", "adam")
    with orphaned.service.begin() as connection:
        run(connection, "UPDATE batch SET barred = NULL")
    with pytest.raises(Refused, match="does not know who"):
        acknowledge(orphaned, "by-hand", "adam")


@pytest.mark.database
def test_the_database_refuses_it_as_well(orphaned: Database) -> None:
    acknowledge(orphaned, "by-hand", "anna", "adam")
    with orphaned.service.begin() as connection:
        run(connection, "UPDATE batch SET barred = '{eve}'")
    insert = """
        INSERT INTO acknowledgement
        SELECT 'other', break_id, batch_id, act, reason, amount_cents, :by, 'eve',
            confirmed_at, decided_in, counts_after, journals
        FROM acknowledgement"""
    for sql, values in (
        (insert, {"by": "adam"}),
        (insert.replace("'eve'", "'adam'"), {"by": "adam"}),
        ("UPDATE acknowledgement SET reason = 'x'", {}),
        ("DELETE FROM correction", {}),
        ("UPDATE correction SET amount_cents = 1", {}),
    ):
        for engine in (orphaned.service, orphaned.owner):
            with pytest.raises(DBAPIError), engine.begin() as connection:
                run(connection, sql, **values)


@pytest.mark.database
def test_money_that_is_missing_cannot_be_explained_away(database: Database) -> None:
    deliver_ended_batch(database)
    statement(database, 1, lines=good_lines()[1:])
    assert breaks(database.service) == [("missing_there", "")]
    with pytest.raises(Refused):
        acknowledge(database, "explained", "anna")


@pytest.mark.database
def test_an_other_account_is_explained_without_a_journal(database: Database) -> None:
    deliver_ended_batch(database)
    first = line(1, "posted", loan_last4="9999")
    statement(database, 1, lines=[first, *good_lines()[1:]])
    with pytest.raises(Refused, match="only be explained"):
        acknowledge(database, "fee", "anna")
    acknowledge(database, "explained", "anna", "adam")
    again = line(1, "posted", "run-2", loan_last4="9999")
    statement(database, 2, lines=[again, *good_lines("run-2")[1:]])
    (certificate,) = certificates(database.service)
    assert certificate["acknowledged"][0]["journals"] == []
    assert rows(database.service, "SELECT 1 FROM correction") == []


@pytest.mark.database
def test_one_decision_holds_for_every_batch_that_lists_the_same_payment(
    orphaned: Database,
) -> None:
    """A payment made by hand is in the statements of every batch of its source account."""
    with orphaned.owner.begin() as connection:
        run(
            connection,
            """
            INSERT INTO reconciliation_break
            SELECT (jsonb_populate_record(b, CAST(:other AS jsonb))).*
            FROM reconciliation_break b""",
            other=f'{{"batch_id": "{UUID(int=9)}", "break_id": "{UUID(int=8)}"}}',
        )
    (first, _) = rows(orphaned.service, "SELECT * FROM reconciliation_break ORDER BY opened_at")
    assert count_open(orphaned) == 2
    for person in ("anna", "adam"):
        order = Order("by-hand", "paid by hand", first.evidence, person, approver=True)
        with orphaned.service.begin() as connection:
            order_acknowledgement(connection, first.break_id, order)
    assert count_open(orphaned) == 0
    assert len(rows(orphaned.service, "SELECT 1 FROM correction")) == 1
    order = Order("by-hand", "again", first.evidence, "eve", approver=True)
    with orphaned.service.begin() as connection, pytest.raises(Refused, match="have acknowledged"):
        order_acknowledgement(connection, UUID(int=8), order)


@pytest.mark.database
def test_corrections_from_batches_that_name_the_account_otherwise_come_to_the_money(
    orphaned: Database,
) -> None:
    """A roster may give the same source account another id than the roster before it."""
    other_batch = UUID(int=9)
    with orphaned.owner.begin() as connection:
        run(
            connection,
            """
            INSERT INTO reconciliation_break
            SELECT (jsonb_populate_record(b, CAST(:other AS jsonb))).*
            FROM reconciliation_break b""",
            other=f'{{"batch_id": "{other_batch}", "break_id": "{UUID(int=8)}", '
            '"account": "source:B", "evidence": "seen in the other batch"}',
        )
        run(
            connection,
            """
            INSERT INTO batch
            SELECT (jsonb_populate_record(b, CAST(:other AS jsonb))).*
            FROM batch b""",
            other=f'{{"batch_id": "{other_batch}"}}',
        )

    def decide(account: str, act: AcknowledgeAct, evidence: str) -> dict[str, int]:
        with orphaned.owner.begin() as connection:
            changed = run(
                connection,
                """
                UPDATE reconciliation_break
                SET evidence = :evidence
                WHERE account = :account
                RETURNING break_id""",
                evidence=evidence,
                account=account,
            )
            break_id = changed.scalar_one()
        for person in ("anna", "adam"):
            order = Order(act, "looked", evidence, person, approver=True)
            with orphaned.service.begin() as connection:
                order_acknowledgement(connection, break_id, order)
        balances = rows(
            orphaned.service,
            """
            SELECT x.account, CAST(sum(x.cents) AS bigint) AS cents
            FROM correction,
                LATERAL (VALUES (from_account, -amount_cents), (to_account, amount_cents))
                    AS x(account, cents)
            GROUP BY x.account
            HAVING sum(x.cents) <> 0""",
        )
        return {row.account: row.cents for row in balances}

    paid = {"source:A": -12_00, "outside:provider": 12_00}
    assert decide("source:A", "by-hand", "e1") == paid
    assert decide("source:B", "explained", "e2") == {}
    assert decide("source:A", "by-hand", "e3") == paid
    assert decide("source:B", "accepted", "e4") == paid
