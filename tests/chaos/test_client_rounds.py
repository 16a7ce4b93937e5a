"""The figures of the rounds are read from what the clients print; without a broker."""

from pathlib import Path
from typing import Any, cast

from tests.chaos.client_rounds import Clients, Outcome

NO_BROKER = cast("Any", None)


def test_a_client_is_back_with_the_first_message_that_was_made_after_the_fault() -> None:
    clients = Clients(NO_BROKER, Path())
    clients.take(
        [
            "message 3 99.0 101.0",  # made before its end
            "message 3 100.5 102.0",
            "message 3 100.7 102.5",
            '{"event": "group_lost", "topic": "rounds"}message 6 100.5 101.5',
            "anew 4 kafka.client-stuck",
            '{"event": "kafka_client", "reason": "message 5"}',
        ]
    )
    assert clients.back_after_s(100.0) == {3: 2.0, 6: 1.5}
    assert clients.counts == {"lost": 1, "anew": 1}


def test_what_came_since_the_last_time_is_read_in_whole_lines(tmp_path: Path) -> None:
    clients = Clients(NO_BROKER, tmp_path)
    (tmp_path / "1.log").touch()
    with (tmp_path / "0.log").open("a") as log:
        for written, count in (("message 1 1.0 2.0\nmessage 2 1", 1), (".0 2.0\n", 2), ("", 2)):
            log.write(written)
            log.flush()
            clients.read_new()
            assert len(clients.heard) == count


def test_a_client_that_needs_more_than_a_minute_stood_still() -> None:
    line = Outcome(rounds=2, back_s=[1.0, 61.0, 2.0], lost=1, anew=1).line("packets dropped")
    assert line == "| packets dropped | 2 | 3 | 1 | 1 | 1 | 61.0 s | 61.0 s |"
