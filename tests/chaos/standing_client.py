"""A process with Kafka clients as services have them: `python -m tests.chaos.standing_client`.

Arguments: bootstrap, topic, the number of the first client, how many clients. Each is alone in a
group of its own. One line for each message: the client, when the message was made, and when it
came (both of the machine's clock that never goes back). Other lines are the log.
"""

import sys
import threading
import time

from libs.common.contracts.errors import Retry
from libs.common.messaging.kafka_source import KafkaSource
from libs.common.observability.logs import configure

PRINTING = threading.Lock()


def read(bootstrap: str, topic: str, number: int) -> None:
    """Read without end; a client that gives itself up is made anew, as a service does it."""
    stored: dict[int, int] = {}
    while True:
        source = KafkaSource(
            bootstrap,
            f"{topic}-{number}",
            topic,
            lambda _topic, _id, partitions: {one: stored.get(one, 0) for one in partitions},
        )
        try:
            while True:
                for message in source.poll():
                    stored[message.partition] = message.offset + 1
                    tell(f"message {number} {message.body.decode()} {time.monotonic():.3f}")
        except Retry as given_up:
            tell(f"anew {number} {given_up.code}")
        finally:
            source.close()


def tell(line: str) -> None:
    with PRINTING:
        print(line, flush=True)


def main(bootstrap: str, topic: str, first: str, count: str) -> None:
    configure("client")
    threads = [
        threading.Thread(target=read, args=(bootstrap, topic, int(first) + n))
        for n in range(int(count))
    ]
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    main(*sys.argv[1:])
