"""The consumer loop beside a bare loop of the same statements, in turns of one batch."""

from collections.abc import Mapping

from devtools.bench import consuming, producing
from devtools.bench.figures import Figure, Row
from devtools.bench.workplace import Workplace


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Read the same messages by all loops; the relay writes them if nobody has yet."""
    setting = workplace.messages
    if not setting.rows("outbox"):
        producing.relay_rate(setting)
    paces = consuming.run_both(setting)
    rates = {name: consuming.rate(one) for name, one in paces.items()}
    return {
        "loop ÷ bare loop": rates["library"] / rates["bare"],
        "cost of signatures": 100 * (1 - rates["library"] / rates["unsigned"]),
        "loop": rates["library"],
        "loop without signatures": rates["unsigned"],
        "bare loop": rates["bare"],
    }


ROW = Row(
    "consumer-loop",
    "messages read, checked and committed, 500 a transaction; the median turn of each loop",
    (
        Figure("loop ÷ bare loop", digits=2, at_least=0.95),
        Figure("cost of signatures", "% of the loop without", at_most=5),
        Figure("loop", "/s", 0),
        Figure("loop without signatures", "/s", 0),
        Figure("bare loop", "/s", 0, is_floor=True),
    ),
    measure,
    estimate_s=20,
)
