"""One try of the attack suite: what is sent, and how to see whether it was held."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import httpx

HELD = ""
TEXT_MAX = 160  # characters of an answer that are shown


@dataclass(frozen=True)
class Try:
    """One attack.

    Args:
        group: what kind of attack it is, such as `roles`.
        run: carries it out; HELD, or what got through as one line.
    """

    group: str
    name: str
    run: Callable[[], str]


@dataclass(frozen=True)
class Outcome:
    """What came of a try. `got_through` is HELD if it was held."""

    attempt: Try
    got_through: str

    def line(self) -> str:
        """The line that is printed."""
        name = f"{self.attempt.group}: {self.attempt.name}"
        return f"not held  {name}: {self.got_through}" if self.got_through else f"held      {name}"


def carry_out(attempt: Try) -> Outcome:
    """Carry out a try. An exception is not held either: nobody knows what happened."""
    try:
        return Outcome(attempt, attempt.run())
    except Exception as error:  # noqa: BLE001 - whatever it is, the other tries go on
        return Outcome(attempt, f"{type(error).__name__}: {error}"[:TEXT_MAX])


def carry_out_all(attempts: Iterable[Try], show: Callable[[str], None]) -> list[Outcome]:
    """Carry out all tries, one after the other, and show a line for each."""
    outcomes = []
    for attempt in attempts:
        outcome = carry_out(attempt)
        show(outcome.line())
        outcomes.append(outcome)
    return outcomes


def answered(answer: httpx.Response, expected: Collection[int], code: str = "") -> str:
    """HELD if an answer has one of these statuses (and this problem code), else what it says."""
    text = answer.text[:TEXT_MAX].replace("\n", " ")
    if answer.status_code not in expected:
        return f"answered {answer.status_code}: {text}"
    if code and f'"{code}"' not in answer.text:
        return f"answered {answer.status_code} without {code}: {text}"
    return HELD


def not_failed(answer: httpx.Response, most: int = 499) -> str:
    """HELD if an answer is no failure of the server, and shows nothing of its inside.

    Args:
        most: the highest status that is expected.
    """
    text = answer.text[:TEXT_MAX].replace("\n", " ")
    if answer.status_code > most:
        return f"answered {answer.status_code}: {text}"
    if any(word in answer.text for word in ("Traceback", "psycopg2", "sqlalchemy")):
        return f"shows its inside: {text}"
    return HELD
