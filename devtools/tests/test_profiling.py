"""The counters of `make profile`."""

import os
import time

from devtools.profiling.counters import Usage, cpu_s, shorten


def test_only_what_was_used_between_two_samples_counts() -> None:
    earlier = Usage({"kafka": 2.0}, {"ledger": {"commits": 5.0}}, calls={"POST /payments": 3.0})
    later = Usage(
        {"kafka": 2.5, "webhooks": 0.25},
        {"ledger": {"commits": 9.0}},
        calls={"POST /payments": 4.0, "GET /payments": 1.0},
    )
    used = later.since(earlier)
    assert used.cpu_s == {"kafka": 0.5, "webhooks": 0.25}
    assert used.databases == {"ledger": {"commits": 4.0}}
    assert used.calls == {"POST /payments": 1.0, "GET /payments": 1.0}


def test_the_cpu_of_a_process_grows_with_its_work_and_a_process_that_is_gone_has_none() -> None:
    before, until = cpu_s(os.getpid()), time.process_time() + 0.1
    while time.process_time() < until:
        pass
    assert 0.05 < cpu_s(os.getpid()) - before < 5
    assert cpu_s(2**22 + 1) == 0.0


def test_a_statement_is_the_same_for_arrays_of_every_length() -> None:
    assert shorten("SELECT\n  ARRAY[$1,$2]") == shorten("SELECT ARRAY[$1]") == "SELECT ARRAY[…]"
