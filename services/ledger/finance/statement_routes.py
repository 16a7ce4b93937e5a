"""HTTP: a bank's statement against what the ledger says left a source account. Nothing is kept."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Engine

from libs.common.contracts.money import CURRENCY
from libs.common.web.problem_details import Problem
from services.ledger.domain.bank_statement import BankLine, Comparison, Movement, compare, window
from services.ledger.finance.bank_files import BankFile, StatementUnreadable, read_bank_file
from services.ledger.schemas import BankStatementOrder
from services.ledger.store import source_movements
from services.ledger.store.queries import with_amounts

MOVEMENTS_MAX = 100_000
SHOWN_MAX = 1_000  # of each list


def add_routes(routes: APIRouter, engine: Engine) -> None:
    """POST /bank-statement."""

    @routes.post("/bank-statement")
    def match(order: BankStatementOrder) -> dict[str, Any]:
        try:
            bank = read_bank_file(order.text)
        except StatementUnreadable as error:
            raise Problem(
                422, error.code, str(error), "Export it again as CAMT.053, BAI2 or CSV."
            ) from None
        from_day, to_day = window(bank.lines)
        with engine.connect() as connection:
            last4 = source_movements.find_last4(connection, order.source_account_id)
            movements = source_movements.find_movements(
                connection, order.source_account_id, from_day, to_day, MOVEMENTS_MAX + 1
            )
        _check_account(bank, last4)
        if len(movements) > MOVEMENTS_MAX:
            raise Problem(
                422,
                "bank.too-long",
                f"The ledger has more than {MOVEMENTS_MAX} movements in these days.",
                "Upload a statement of fewer days.",
            )
        days = [line.day for line in bank.lines]
        found = compare(bank.lines, movements, min(days), max(days))
        return {
            "source_account_id": order.source_account_id,
            "from_day": min(days),
            "to_day": max(days),
            "currency": CURRENCY,
            "account_last4": bank.account_last4,
            **_answer(bank, found),
        }


def _check_account(bank: BankFile, last4: str) -> None:
    """Refuse the statement of another account than the one that was named."""
    if bank.account_last4 and last4 and bank.account_last4 != last4:
        raise Problem(
            422,
            "bank.other-account",
            f"The statement is of an account that ends in {bank.account_last4}; "
            f"this source account ends in {last4}.",
            "Choose the other source account, or the other file.",
        )


def _answer(bank: BankFile, found: Comparison) -> dict[str, Any]:
    matched = [line for match in found.matches for line in match.lines]
    by: dict[str, int] = {}
    for match in found.matches:
        by[match.by] = by.get(match.by, 0) + len(match.lines)
    answer: dict[str, Any] = with_amounts(
        {
            "statement": _sum(bank.lines),
            "matched": {**_sum(matched), "by": by},
            "statement_alone": _sum(found.only_in_statement),
            "ledger_alone": _sum(found.only_in_ledger),
            "may_still_come": _sum(found.may_still_come),
            "only_in_statement": [asdict(line) for line in found.only_in_statement[:SHOWN_MAX]],
            "only_in_ledger": [asdict(one) for one in found.only_in_ledger[:SHOWN_MAX]],
        }
    )
    return answer


def _sum(parts: Iterable[BankLine | Movement]) -> dict[str, int]:
    """How many, and cents that left and came back, both at least zero."""
    cents = [part.amount_cents for part in parts]
    return {
        "count": len(cents),
        "debit_cents": -sum(one for one in cents if one < 0),
        "credit_cents": sum(one for one in cents if one > 0),
    }
