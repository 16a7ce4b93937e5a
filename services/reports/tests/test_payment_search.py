"""Payments are found by the ids that people have at hand."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from services.reports.tests.http_client import BATCH, Client

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("whole")]


def search(client: Client, q: str) -> set[str]:
    answer = client.post("/search", {"q": q})
    assert answer.status_code == 200, answer.text
    return {one["payment_id"] for one in answer.json()["payments"]}


def sent(engine: Engine) -> Any:
    """A payment that has a provider's id, with trace ids."""
    with engine.begin() as connection:
        payment = connection.execute(
            text("SELECT * FROM payment WHERE provider_payment_id <> '' LIMIT 1")
        ).one()
        connection.execute(
            text(
                "UPDATE payment SET source_trace_id = '091000017654321',"
                " destination_trace_id = 'TRN_77aa' WHERE payment_id = :id"
            ),
            {"id": payment.payment_id},
        )
    return payment


def test_a_payment_is_found_by_its_ids_or_the_beginning_of_one(
    client: Client, engine: Engine
) -> None:
    payment = sent(engine)
    mine = {str(payment.payment_id)}
    for q in (
        str(payment.payment_id),
        str(payment.payment_id).upper(),
        str(payment.payment_id)[:13],
        payment.payment_id.hex[:8],
        payment.payment_id.hex,
        payment.provider_payment_id,
        f" {payment.provider_payment_id[:12]} ",
        "091000017654321",
        "0910000176",
        "trn_77aa",
    ):
        assert search(client, q) == mine, q
    for nothing in (f"{payment.payment_id}0", "trnx77aa", "%%%%%%", "pmt_%%", "ab", "no such id"):
        assert search(client, nothing) == set(), nothing


def test_last_four_digits_find_the_newest_payments_of_such_loans(client: Client) -> None:
    last4 = BATCH.payments[0].loan_last4
    wanted = {str(p.payment_id) for p in BATCH.payments if p.loan_last4 == last4}
    assert search(client, last4) == wanted
    assert search(client, last4[:3]) == set()


def test_states_are_those_of_the_named_payments(client: Client) -> None:
    one, other = BATCH.payments[0], BATCH.payments[1]
    unknown = "00000000-0000-4000-8000-000000000000"
    found = client.post(
        "/payment-states",
        {"payment_ids": [str(one.payment_id), str(other.payment_id), unknown]},
    ).json()["items"]
    assert {(p["payment_id"], p["amount_cents"]) for p in found} == {
        (str(p.payment_id), p.amount_cents) for p in (one, other)
    }
    assert {p["status"] for p in found} <= {"completed", "failed", "cancelled", "reversed"}


def test_names_are_found_for_those_who_may_see_people(client: Client) -> None:
    last4 = BATCH.payments[0].loan_last4
    seen = client.post("/search", {"q": last4, "people": True}).json()["payments"]
    assert all(one["name"] for one in seen)
    assert {one["name"] for one in client.post("/search", {"q": last4}).json()["payments"]} == {""}
