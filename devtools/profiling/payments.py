"""Pay one roster on a stack, and read every counter before and after."""

import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from devtools.demo import Demo
from devtools.profiling.counters import Usage, sample, stages
from devtools.stack.stack import Stack

PERIOD_DAYS = 14


@dataclass(frozen=True)
class Paid:
    """A roster that was paid: the batch as the API shows it, and what it used."""

    seconds: float
    batch: dict[str, Any]
    usage: Usage

    @property
    def payments(self) -> int:
        """How many payments the batch has."""
        return int(self.batch["payments"]["total"])

    @property
    def period(self) -> str:
        """Its pay period."""
        return str(self.batch["period"])


def pay(stack: Stack, file: Path, earlier_period: str) -> Paid:
    """Pay a roster for the period after an earlier one ("": the current one)."""
    with tempfile.TemporaryDirectory() as out:
        demo = Demo(stack, Path(out))
        query = {"repeat_reason": "the next period"}
        if earlier_period:
            later = date.fromisoformat(earlier_period) + timedelta(days=PERIOD_DAYS)
            query["period"] = later.isoformat()
        uploaded = demo.preparer.post("/batches", file.read_bytes(), filename=file.name, **query)
        batch = demo.correct(demo.wait_until_ready(str(uploaded["batch_id"])))
        before = sample(stack)
        began = time.monotonic()
        demo.approve(batch)
        paid = demo.pay(batch["batch_id"])
        seconds = time.monotonic() - began
        usage = sample(stack).since(before)
        usage.stages = stages(stack, str(batch["batch_id"]))
    return Paid(seconds, {**paid, "period": batch["period"]}, usage)
