"""Processes that never rest: `python -m tests.chaos.busy COUNT`. They end with the first one.

It must be the leader of a process group.
"""

import os
import signal
import sys


def main(count: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    for _ in range(count):
        if os.fork() == 0:
            while True:
                pass
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]))
