"""`make bench`: what the library carries beside bare loops of the same statements.

Three consumer loops read the same messages of a topic of their own from the start, in turns of one
batch, so that whatever else the machine does slows both alike. Each one's clock runs in its own
turns only, and the median turn is its rate:

- library: `consume` over KafkaSource with its envelope (pydantic), signatures, compare-and-swap
  offsets, inbox and dead letters;
- unsigned: the same without verifying signatures;
- bare: confluent_kafka's `consume`, the event id from the headers, `json.loads` of the body, and
  the same three statements as text through SQLAlchemy, without any check.

All write one business row a message and commit up to 500 messages a transaction. The relay stands
beside bare producing of the same bodies, by a producer with the same settings, without an outbox.
"""

import argparse
import gc
import os
import sys
from collections.abc import Sequence

from devtools.bench import consuming, producing
from devtools.bench.setting import prepared
from ops.errors import exit_code

REPETITIONS = 3
LEAST_RATIO = 0.8


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print it; 1 if the library carries less than 0.8 of the bare loop."""
    given = _parser().parse_args(arguments)
    with prepared(given.messages, given.postgres, given.kafka) as setting:
        for line in setting.description():
            print(line, flush=True)
        gc.freeze()  # as Service does; for both loops
        relay = producing.relay_rate(setting)
        produce, read = producing.bare_produce(setting), producing.bare_read(setting)
        print("\nconsumer loop, messages/s          library       bare      ratio")
        library: list[float] = []
        bare: list[float] = []
        unsigned: list[float] = []
        for number in range(1, REPETITIONS + 1):
            paces = consuming.run_both(setting)
            _print_ratio(f"run {number}", paces["library"], paces["bare"])
            library += paces["library"]
            bare += paces["bare"]
            unsigned += paces["unsigned"]
        ratio = _print_ratio("all turns", library, bare)
        cost = 1 - consuming.rate(library) / consuming.rate(unsigned)
        print(f"signatures cost {cost:.1%} of the loop without them", flush=True)
        print(
            f"\noutbox relay {relay:,.0f}/s beside bare produce {produce:,.0f}/s; "
            f"bare read {read:,.0f}/s"
        )
    print(f"the library carries {ratio:.2f} of the bare loop (at least {LEAST_RATIO} is required)")
    return 0 if ratio >= LEAST_RATIO else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devtools.bench",
        description="What the library carries beside bare loops of the same statements.",
    )
    parser.add_argument("--messages", type=int, default=30_000)
    parser.add_argument(
        "--postgres",
        default=os.environ.get("PAYDOWN_TEST_POSTGRES_URL", ""),
        help="an administrator's URL (default: a temporary server)",
    )
    parser.add_argument(
        "--kafka",
        default=os.environ.get("PAYDOWN_TEST_KAFKA", ""),
        help="a broker (default: a temporary one)",
    )
    return parser


def _print_ratio(name: str, library: Sequence[float], bare: Sequence[float]) -> float:
    """Print both rates and return their ratio."""
    rates = consuming.rate(library), consuming.rate(bare)
    ratio = rates[0] / rates[1]
    print(f"  {name:<28} {rates[0]:10,.0f} {rates[1]:10,.0f} {ratio:10.2f}", flush=True)
    return ratio


if __name__ == "__main__":
    sys.exit(exit_code(main))
