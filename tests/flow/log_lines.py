"""How many lines a service would log in a normal day, from those of a short run with one batch."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

DAY_S = 86_400.0
#: A large employer: a batch and its corrections for every half-hour of a working day.
BATCHES_A_DAY = 20
LINES_A_DAY_MAX = 1_000
#: What comes so often without a batch comes again and again, and not once at the start.
REPEATED_MIN = 3


def kind_of(entry: Mapping[str, object]) -> str:
    """What happened; the webhooks of three types are three things."""
    return " ".join(str(entry[name]) for name in ("event", "type", "kind") if name in entry)


def lines_a_day(lines: Sequence[str], run_s: float) -> float:
    """Lines of the batch times the batches of a day, and what repeats by itself over a day.

    Args:
        lines: a service's log of one run with one batch, from its start.
        run_s: how long the run was.
    """
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    of_batches = sum("batch_id" in entry for entry in entries)
    others = Counter(kind_of(entry) for entry in entries if "batch_id" not in entry)
    repeated = sum(count for count in others.values() if count >= REPEATED_MIN)
    once = sum(count for count in others.values() if count < REPEATED_MIN)
    text = len(lines) - len(entries)  # no JSON: of a library or the interpreter, never expected
    return once + BATCHES_A_DAY * (of_batches + text) + repeated * DAY_S / run_s
