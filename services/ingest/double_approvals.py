"""Whether loans were approved twice for one person on the same days, in two spellings.

Only versions of this service that did not compare spellings could do it (ADR 54).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from services.ingest.store.claimed_days import list_claimed_twice

EVERY_S = 3_600.0
NAMED_MAX = 5


@dataclass
class DoubleApprovals:
    """Looks for such loans once an hour."""

    engine: Engine
    clock: Callable[[], float] = time.monotonic
    looked_at: float = float("-inf")
    sentence: str = ""

    def check(self) -> Mapping[str, str]:
        """A sentence that names the batches; "" if no loan was approved twice.

        Raises:
            SQLAlchemyError: the database does not answer.
        """
        if self.clock() - self.looked_at >= EVERY_S:
            with self.engine.connect() as connection:
                self.sentence = twice_sentence(list_claimed_twice(connection))
            self.looked_at = self.clock()
        return {"loans approved twice": self.sentence}


def twice_sentence(found: Sequence[Any]) -> str:  # Any: rows of the database
    """What people are told about loans that were approved twice."""
    if not found:
        return ""
    pairs = sorted({(str(one.other_batch_id), str(one.batch_id)) for one in found})
    named = ", ".join(f"{first} and {second}" for first, second in pairs[:NAMED_MAX])
    return (
        f"{len(found)} loans were approved twice for the same days, under two spellings, in the "
        f"batches {named}. They may be paid twice: compare these batches, cancel what is not paid "
        "yet, and ask for the rest back."
    )
