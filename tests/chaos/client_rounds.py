"""Rounds of one fault: brokers with sixteen clients each, and how long each needs to come back."""

import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from devtools.test_servers import RunningBroker, temporary_kafka
from libs.common.contracts.topics import Topic
from libs.common.messaging import kafka
from libs.common.testing.waiting import wait_for

CLIENTS, PROCESSES, PARTITIONS = 16, 2, 3
SEND_EVERY_S, BEGIN_MAX_S = 0.2, 60.0
#: A client that has no message so long after the end of a fault stood still.
STANDING_S, BACK_MAX_S = 60.0, 180.0
#: Lines of a client and of its log may come to stand in one line.
MESSAGE = re.compile(r"message (\d+) (\d+\.\d+) (\d+\.\d+)")
ANEW = re.compile(r"anew \d+")


@dataclass
class Clients:
    """A broker, its clients, and a producer that sends the time to every partition."""

    broker: RunningBroker
    folder: Path
    topic: str = "rounds"
    processes: list[subprocess.Popen[bytes]] = field(init=False, default_factory=list)
    #: The messages of this round: the client, when each was made, and when it came.
    heard: list[tuple[int, float, float]] = field(init=False, default_factory=list)
    counts: Counter[str] = field(init=False, default_factory=Counter)
    _read: dict[int, int] = field(init=False, default_factory=dict)
    _stop: threading.Event = field(init=False, default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.folder.mkdir()
        kafka.create_topics(
            self.broker.bootstrap, [Topic(self.topic, "key", "test", ("test",))], PARTITIONS
        )
        each = CLIENTS // PROCESSES
        for number in range(PROCESSES):
            words = [self.broker.bootstrap, self.topic, str(number * each), str(each)]
            with (self.folder / f"{number}.log").open("wb") as log:
                self.processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "tests.chaos.standing_client", *words],
                        stdout=log,
                        stderr=log,
                    )
                )
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for process in self.processes:
            process.kill()
            process.wait(10)
        self._sender.join(40)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self.processes]

    @property
    def broker_pid(self) -> int:
        assert self.broker._process is not None
        return self.broker._process.pid

    def read_new(self) -> None:
        """Take in what the clients have printed since the last time."""
        for number in range(PROCESSES):
            with (self.folder / f"{number}.log").open("rb") as log:
                log.seek(self._read.get(number, 0))
                whole, newline, _ = log.read().rpartition(b"\n")
                self._read[number] = self._read.get(number, 0) + len(whole + newline)
            self.take(whole.decode(errors="replace").splitlines())

    def take(self, lines: Iterable[str]) -> None:
        """Take in lines that the clients printed."""
        for line in lines:
            if message := MESSAGE.search(line):
                client, made, came = message.groups()
                self.heard.append((int(client), float(made), float(came)))
            self.counts["anew"] += len(ANEW.findall(line))
            self.counts["lost"] += line.count('"group_lost"')

    def back_after_s(self, since: float) -> dict[int, float]:
        """By client: how long after a moment its first message came that was made after it."""
        found: dict[int, float] = {}
        for client, made, came in self.heard:
            if made > since:
                found.setdefault(client, came - since)
        return found

    def _send(self) -> None:
        producer = kafka.producer(self.broker.bootstrap)
        while not self._stop.wait(SEND_EVERY_S):
            for partition in range(PARTITIONS):
                producer.produce(self.topic, f"{time.monotonic():.3f}", partition=partition)
            producer.poll(0)


@dataclass
class Outcome:
    """What the rounds of one kind showed."""

    rounds: int = 0
    back_s: list[float] = field(default_factory=list)
    lost: int = 0
    anew: int = 0

    def line(self, kind: str) -> str:
        """One line of a table: rounds, of clients, sessions lost, made anew, 95 %, longest."""
        ordered = sorted(self.back_s)
        standing = sum(one > STANDING_S for one in ordered)
        late = ordered[max(0, math.ceil(0.95 * len(ordered)) - 1)]
        return (
            f"| {kind} | {self.rounds} | {len(ordered)} | {self.lost} | {standing} | {self.anew} "
            f"| {late:.1f} s | {ordered[-1]:.1f} s |"
        )


def run_rounds(
    groups: list[Clients], count: int, fault: Callable[[], None], outcome: Outcome
) -> None:
    """So many rounds with each group: all flow, the fault, and all flow again.

    Args:
        fault: makes the fault for all groups, and ends it before it returns.
    """
    before = totals(groups)
    for _ in range(count):
        for group in groups:
            group.heard.clear()
        began = time.monotonic()
        assert wait_for(partial(all_flow, groups, began), BEGIN_MAX_S, 0.25)
        fault()
        ended = time.monotonic()
        wait_for(partial(all_flow, groups, ended), BACK_MAX_S, 0.25)
        for group in groups:
            back = group.back_after_s(ended)
            outcome.back_s += [back.get(client, BACK_MAX_S) for client in range(CLIENTS)]
        outcome.rounds += len(groups)
    now = totals(groups)
    outcome.lost += now["lost"] - before["lost"]
    outcome.anew += now["anew"] - before["anew"]


def totals(groups: list[Clients]) -> Counter[str]:
    return sum((group.counts for group in groups), Counter[str]())


def all_flow(groups: list[Clients], since: float) -> bool:
    for group in groups:
        group.read_new()
    return all(len(group.back_after_s(since)) == CLIENTS for group in groups)


@contextmanager
def brokers_with_clients(count: int, folder: Path) -> Iterator[list[Clients]]:
    """So many brokers, each with its clients."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                Clients(stack.enter_context(temporary_kafka()), folder / f"broker{number}")
            )
            for number in range(count)
        ]


def frozen(pids: list[int], for_s: float) -> None:
    """SIGSTOP, and SIGCONT after so long."""
    send(pids, signal.SIGSTOP)
    time.sleep(for_s)
    send(pids, signal.SIGCONT)


def send(pids: list[int], how: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, how)
