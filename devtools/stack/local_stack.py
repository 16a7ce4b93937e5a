"""The commands of the local stack, behind `make up`, `make down`, `make status` and `make refill`.

    python -m devtools.stack.local_stack up | down | status | republish | remove | exec COMMAND …
    python -m devtools.stack.local_stack forget EMPLOYEE_ID BY REASON

`republish` starts it with a broker that has lost its topics (docs/runbooks/broker-lost.md).
`exec` runs a command with the settings of all services, for example
`python -m services rebuild ledger`.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

from devtools import paths
from devtools.stack.ports import Ports
from devtools.stack.stack import Stack
from devtools.stack.status import QUARANTINED, READY
from devtools.stack.supervisor import Supervisor
from ops.errors import CommandError, exit_code

DEMO_PREFIX = "paydown_demo"
USAGE = (
    "usage: python -m devtools.stack.local_stack "
    "up | down | status | republish | remove | exec COMMAND … | forget EMPLOYEE_ID BY REASON"
)


def demo_stack(say: Callable[[str], None]) -> Stack:
    """The throw-away stack of `make demo`, empty and not started; on the ports of `make up`.

    Raises:
        CommandError: `make up` is up.
    """
    if Supervisor(paths.UP).is_alive():
        raise CommandError(
            "`make up` is up and has the ports; stop it with `make down`, or use its dashboard"
        )
    stack = Stack(paths.DEMO, prefix=DEMO_PREFIX, say=say)
    stack.down()  # a demo that was killed
    stack.remove()
    return stack


def up() -> int:
    """`make up`: the stack in the background, ready when this returns.

    Raises:
        CommandError: a demo was kept and has the ports.
    """
    if Supervisor(paths.DEMO).is_alive():
        raise CommandError("a kept demo is up and has the ports; stop it with `make down`")
    if Supervisor(paths.UP).is_alive():
        stack = Stack.started(paths.UP)
        stack.say = _say
        if all(one.state == READY for one in stack.status()):
            print(f"paydown is up already: {stack.ports.url('gateway')}")
            return 0
    else:
        stack = Stack(paths.UP, say=_say)
    began = time.monotonic()
    stack.up()
    print(
        f"paydown is up after {time.monotonic() - began:.1f} s: {stack.ports.url('gateway')} "
        f"(stop it with `make down`)"
    )
    if quarantined := [one.name for one in stack.status() if one.state == QUARANTINED]:
        print(
            f"quarantined after a restore: {', '.join(quarantined)}. "
            f"They are read-only until two people release them under Operations."
        )
    return 0


def republish() -> int:
    """`make refill`: up with a broker that has lost its topics; returns when it has everything.

    Raises:
        CommandError: the stack is up, or there is nothing to republish; it is down then.
    """
    if Supervisor(paths.UP).is_alive():
        raise CommandError(
            "the stack is up; stop it first with `make down`, so that nothing is sent or read "
            "meanwhile"
        )
    Stack(paths.UP, say=_say).up(republish=True)
    return execute([str(paths.PYTHON), "-m", "ops", "republish", "watch"])


def down() -> int:
    """`make down`: stop it, whatever state it is in, and a demo that was kept."""
    Stack(paths.UP, Ports()).down()
    if Supervisor(paths.DEMO).is_alive():
        Stack(paths.DEMO, Ports(), prefix=DEMO_PREFIX).down()
    print("paydown is down")
    return 0


def status() -> int:
    """`make status`: a line for each process; 0 only if all are ready."""
    state = paths.DEMO if Supervisor(paths.DEMO).is_alive() else paths.UP
    try:
        stack = Stack.started(state)
    except CommandError:
        stack = Stack(paths.UP)
    found = stack.status()
    for one in found:
        print(one)
    return 0 if all(one.state == READY for one in found) else 1


def remove() -> int:
    """`make clean`: delete everything that stopped stacks have stored."""
    Stack(paths.UP).remove()
    Stack(paths.DEMO, prefix=DEMO_PREFIX).remove()
    return 0


def forget(stack: Stack, employee_id: str, by: str, reason: str) -> int:
    """`make forget`: destroy a person's key while only PostgreSQL runs.

    Raises:
        CommandError: the stack is up.
    """
    why = ("--by", by, "--reason", reason)
    command = [str(paths.PYTHON), "-m", "ops", "forget", *why, "--", employee_id]
    with stack.only_postgres():
        return subprocess.run(
            [*command, str(stack.state / "keys.json")],
            cwd=paths.ROOT,
            env=stack.env_for_all_services(),
            check=False,
        ).returncode


def execute(command: list[str]) -> int:
    """Run a command with the settings of all services of the stack that is up."""
    environment = Stack.started(paths.UP).env_for_all_services()
    return subprocess.run(command, env=environment, check=False).returncode


def main(arguments: list[str]) -> int:
    """The command line."""
    match arguments:
        case ["up"]:
            return up()
        case ["down"]:
            return down()
        case ["status"]:
            return status()
        case ["republish"]:
            return republish()
        case ["remove"]:
            return remove()
        case ["forget", employee_id, by, reason]:
            return forget(Stack(paths.UP, say=_say), employee_id, by, reason)
        case ["exec", program, *rest]:
            return execute([program, *rest])
        case _:
            raise CommandError(USAGE)


def _say(text: str) -> None:
    print(text, flush=True)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)  # unwinds, so that what was started half-way is stopped


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
