"""What became of the rows of an employee or a loan in each pay period, and why not all is paid.

Ingest has the rows of every file, reports what became of each payment. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from libs.common.contracts.money import display
from libs.common.contracts.statuses import UNAPPROVED_BATCHES

Json = Mapping[str, Any]  # an answer of another service, or a part of one
#: `unpaid`: it will not be paid by this row. `open`: it may still be paid.
Outcome = Literal["paid", "open", "unpaid"]

#: Batches of which nothing was approved, and nothing will be.
ENDED_UNAPPROVED: Final = frozenset({"rejected", "discarded", "expired"})
#: A row that is excluded because the loan is paid elsewhere in the period.
PAID_ELSEWHERE: Final = frozenset(
    {"already_in_period", "same_person_in_period", "already_in_payment"}
)
#: A row that people left out of its batch. Another file may pay the loan all the same.
LEFT_OUT: Final = frozenset({"on_hold", "excluded_by_person"})
REASONS_MAX: Final = 3
_WAITING: Final = {
    "receiving": "is being read",
    "reading": "is being read",
    "checking": "is being checked",
    "ready": "waits for its approval",
}
_OPEN_PAYMENTS: Final = {
    "unprocessed": "it is approved and has not been sent yet",
    "sending": "it is being sent",
    "pending": "it is on its way",
    "in_doubt": "it is not known yet whether the provider has carried it out",
    "held": "it is held until two people decide",
}
_ENDED_PAYMENTS: Final = {
    "failed": "the payment failed",
    "cancelled": "the payment was cancelled",
    "reversed": "the payment was made and came back",
}
_OUTCOMES: Final = {"paid": "Paid", "open": "Not paid yet", "unpaid": "Not paid"}


@dataclass(frozen=True)
class Why:
    """Why a row is not paid: a code with its values, and `text`, the same in English.

    `status` is that of the batch, the row or the payment, as the code says. `reason` was given for
    it by a person, a rule or the provider; it may be empty.
    """

    code: Literal["batch_ended", "batch_waits", "row", "payment", "return_under_way"]
    status: str = ""
    filename: str = ""
    reason_code: str = ""
    reason: str = ""

    @property
    def text(self) -> str:
        """The part of a sentence, in English."""
        if self.code == "return_under_way":
            return "the provider wants the money back"
        if self.code == "batch_waits":
            return f"the batch {self.filename} {_WAITING[self.status]}"
        what = {
            "batch_ended": f"the batch {self.filename} was {self.status}",
            "row": f"the row is {'not payable' if self.status == 'unpayable' else self.status}",
            "payment": {**_OPEN_PAYMENTS, **_ENDED_PAYMENTS}.get(self.status, self.status),
        }[self.code]
        shown = self.reason.strip().rstrip(".")
        return f"{what} ({shown})" if shown else what

    def fields(self) -> dict[str, str]:
        """As the API sends it."""
        return {name: getattr(self, name) for name in Why.__dataclass_fields__}


@dataclass(frozen=True)
class Line:
    """One row with what became of it; `why` is None for a paid one."""

    row: Json
    outcome: Outcome
    why: Why | None = None
    is_repeat: bool = False

    @property
    def cents(self) -> int:
        """The amount of the row."""
        return int(self.row["amount_cents"])


def describe_row(row: Json, payment: Json | None) -> Line:
    """What became of a row.

    Args:
        payment: as reports knows it; None if the row has none, or if reports is behind.
    """
    if payment is not None:
        return _of_payment(row, payment)
    not_sent = Line(row, "open", Why("payment", "unprocessed"))
    if row["payment_id"]:
        return not_sent
    status, batch_status = str(row["status"]), str(row["batch_status"])
    filename = str(row["filename"])
    if batch_status in ENDED_UNAPPROVED:
        why = Why("batch_ended", batch_status, filename, reason=str(row["batch_reason"] or ""))
        return Line(row, "unpaid", why, is_repeat=True)
    if status != "payable":
        why = Why("row", status, "", str(row["reason_code"]), str(row["reason"] or ""))
        repeat = status == "excluded" and row["reason_code"] in PAID_ELSEWHERE
        return Line(row, "unpaid", why, is_repeat=repeat)
    if batch_status in UNAPPROVED_BATCHES:
        return Line(row, "open", Why("batch_waits", batch_status, filename))
    return not_sent


def _of_payment(row: Json, payment: Json) -> Line:
    status, code = str(payment["status"]), str(payment["reason_code"])
    if status == "completed":
        returning = payment.get("return_under_way")
        return Line(row, "paid", Why("return_under_way") if returning else None)
    why = Why("payment", status, "", code, str(payment["reason"] or code))
    if status in _ENDED_PAYMENTS:
        return Line(row, "unpaid", why)
    has_reason = status in ("held", "in_doubt")
    return Line(row, "open", why if has_reason else Why("payment", status))


def periods_of(lines: Sequence[Line], approved: Iterable[Json], noun: str) -> list[dict[str, Any]]:
    """One line for each pay period since the oldest row, newest first.

    A period for which a batch is approved, and in which no row is, is listed as well.

    Args:
        lines: newest batch first, as ingest lists rows.
        approved: first and last day of the periods for which a batch is approved.
        noun: what the rows are of, as a sentence names it.
    """
    by_days: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        days = (str(line.row["period"]), str(line.row["period_end"]))
        by_days.setdefault(days, []).append(line)
    oldest = min((first for first, _ in by_days), default="")
    described = [_describe_period(days, of_days) for days, of_days in by_days.items()]
    missing = [
        _missing(str(one["first"]), str(one["last"]), noun)
        for one in approved
        if str(one["first"]) >= oldest
        and not any(first <= one["last"] and one["first"] <= last for first, last in by_days)
    ]
    return sorted([*described, *missing], key=lambda one: (one["first"], one["last"]), reverse=True)


def _missing(first: str, last: str, noun: str) -> dict[str, Any]:
    return {
        **_period(first, last, "not_listed", {}),
        "sentence": f"Not paid: no roster of this period names this {noun}.",
        "parts": [],
    }


def _describe_period(days: tuple[str, str], lines: Sequence[Line]) -> dict[str, Any]:
    counted = current_lines(lines)
    cents = {
        outcome: sum(line.cents for line in counted if line.outcome == outcome)
        for outcome in ("paid", "open", "unpaid")
    }
    found = {line.outcome for line in counted}
    whole = {"paid": "paid", "open": "open", "unpaid": "not_paid"}
    outcome = whole[next(iter(found))] if len(found) == 1 else "partly"
    parts = _parts(counted, cents)
    return {**_period(*days, outcome, cents), "sentence": _sentence(parts), "parts": parts}


def _period(first: str, last: str, outcome: str, cents: Mapping[str, int]) -> dict[str, Any]:
    return {
        "first": first,
        "last": last,
        "outcome": outcome,
        **{f"{name}_cents": cents.get(name, 0) for name in ("paid", "open", "unpaid")},
    }


def current_lines(lines: Sequence[Line]) -> list[Line]:
    """The lines of one period that say what is so now.

    A row of the file that was copied into child batches counts once: where it is paid, else where
    it is open, else in its newest batch. What is left out because the loan is paid elsewhere in the
    period, and rows of a batch that ended without an approval, do not count beside other rows of
    that loan. Nor does what people left out of one file where another file pays the loan.
    """
    by_root: dict[str, Line] = {}
    for line in lines:
        root = str(line.row["root_row_id"])
        known = by_root.get(root)
        if known is None or _rank(line) > _rank(known):
            by_root[root] = line
    files = {str(line.row["row_id"]): str(line.row["batch_id"]) for line in lines}
    newest = [
        line for line in by_root.values() if not _is_paid_by_other(line, by_root.values(), files)
    ]
    standing = {_loan(line) for line in newest if not line.is_repeat}
    current = [line for line in newest if not line.is_repeat or _loan(line) not in standing]
    # Of several repeats of one loan the newest alone explains it.
    explained: set[str] = set()
    kept = []
    for line in current:
        if line.is_repeat and _loan(line) in explained:
            continue
        if line.is_repeat:
            explained.add(_loan(line))
        kept.append(line)
    return kept


def _is_paid_by_other(line: Line, others: Iterable[Line], files: Mapping[str, str]) -> bool:
    """Whether people left a row out of its batch, and another file pays its loan.

    Args:
        files: the batch of each row. A child batch is of the file in which its row was first.
    """
    file = files.get(line.row["root_row_id"], line.row["batch_id"])
    return line.row["reason_code"] in LEFT_OUT and any(
        other.outcome != "unpaid"
        and _loan(other) == _loan(line)
        and files.get(other.row["root_row_id"], other.row["batch_id"]) != file
        for other in others
    )


def _rank(line: Line) -> int:
    return {"paid": 2, "open": 1, "unpaid": 0}[line.outcome]


def _loan(line: Line) -> str:
    """The loan of a row; a row without a readable loan is one of its own."""
    return str(line.row["loan_id"] or line.row["row_id"])


def _parts(lines: Sequence[Line], cents: Mapping[str, int]) -> list[dict[str, Any]]:
    """What is paid, open and not paid, each with its reasons; `more` of them are not named."""
    parts = []
    for outcome in ("paid", "open", "unpaid"):
        of_outcome = [line for line in lines if line.outcome == outcome]
        whys = list(dict.fromkeys(line.why for line in of_outcome if line.why))
        if of_outcome:
            parts.append(
                {
                    "outcome": outcome,
                    "amount_cents": cents[outcome],
                    "whys": [why.fields() for why in whys[:REASONS_MAX]],
                    "more": max(0, len(whys) - REASONS_MAX),
                }
            )
    return parts


def _sentence(parts: Sequence[Json]) -> str:
    """The parts in English."""
    said = []
    for part in parts:
        whole = f"{_OUTCOMES[part['outcome']]}, {display(part['amount_cents'])}"
        shown = "; ".join(Why(**why).text for why in part["whys"])
        more = f" and {part['more']} more" if part["more"] else ""
        said.append(f"{whole}: {shown}{more}" if shown else whole)
    return f"{'. '.join(said)}."
