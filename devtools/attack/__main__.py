"""`make attack`: attacks on a throw-away stack, each printed as held or not held.

    python -m devtools.attack [--only GROUP]

Exit code 0: all were held. 1: one was not. 2: the machine or the arguments are wrong.
"""

import argparse
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import quote

import httpx

from devtools.attack.files import file_tries
from devtools.attack.floods import flood_tries
from devtools.attack.header_tries import header_tries
from devtools.attack.inner_calls import inner_tries, webhook_tries
from devtools.attack.messages import books_are_empty, message_tries
from devtools.attack.raw_requests import raw_tries
from devtools.attack.routes import privilege_tries, route_tries
from devtools.attack.target import INNER, Headers, Json, Send, Target, bearer
from devtools.attack.tries import Try, carry_out_all
from devtools.stack.local_stack import demo_stack
from devtools.stack.ports import HOST
from devtools.stack.stack import Stack
from libs.common.crypto.message_signatures import Signer
from libs.common.web.call_signatures import GATEWAY, CallSigner
from ops.errors import exit_code
from ops.secret_files import Secrets

TRIES_MIN = 500
TIMEOUT_S, READ_S = 60.0, 180.0
OPEN = ("receiving", "reading")


def sender(url: str) -> Send:
    """Requests to one server, over a few connections that stay open."""
    client = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)

    def send(method: str, path: str, headers: Headers = (), content: bytes = b"") -> httpx.Response:
        return client.request(method, path, headers=list(headers), content=content)

    return send


def attacked(stack: Stack, secrets: Secrets) -> Target:
    """A stack as what is attacked."""
    gateway = sender(stack.ports.url("gateway"))
    own, stolen = (Signer.parse(secrets.signing_keys[name]) for name in (GATEWAY, "ingest"))

    def settle(batch_id: str) -> Json:
        until = time.monotonic() + READ_S
        while True:
            path = f"/api/v1/batches/{quote(batch_id)}"
            batch: Json = gateway("GET", path, [bearer("auditor")]).json()
            if batch.get("status", "reading") not in OPEN or time.monotonic() > until:
                return batch
            time.sleep(0.2)

    return Target(
        gateway=gateway,
        services={name: sender(stack.ports.url(name)) for name in INNER},
        internal_token=secrets.internal_token,
        signer=CallSigner(own.key_id, own.key),
        stolen=CallSigner(stolen.key_id, stolen.key),
        settle=settle,
    )


def every_try(stack: Stack, target: Target, secrets: Secrets) -> Iterator[Try]:
    """All tries in an order in which none stands in the way of a later one."""
    address = (HOST, stack.ports["gateway"])
    signers = {name: Signer.parse(keys) for name, keys in secrets.signing_keys.items()}
    yield from privilege_tries(target)
    yield from header_tries(target)
    yield from raw_tries(address)
    yield from inner_tries(target)
    yield from webhook_tries(target)
    yield from file_tries(target)
    yield from message_tries(target, stack.ports.address("kafka"), signers)
    yield from route_tries(target)
    yield books_are_empty(stack.ports.url("simulator"))
    yield from flood_tries(target, address)


def report(outcomes: Counter[tuple[str, bool]], show: Callable[[str], None]) -> int:
    """Print how many of each kind were held; the exit code."""
    total = sum(outcomes.values())
    failed = sum(count for (_, held), count in outcomes.items() if not held)
    show("")
    for group in dict.fromkeys(group for group, _ in outcomes):
        held, others = outcomes[group, True], outcomes[group, False]
        show(f"{group:<12} {held:>5} held {others:>4} not held")
    show(f"{total} tries, {total - failed} held, {failed} not held")
    return 1 if failed else 0


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make attack", description="attacks on a local stack")
    parser.add_argument("--only", default="", help="only the groups that begin with this word")
    options = parser.parse_args(arguments)

    def show(line: str) -> None:
        print(line, flush=True)

    stack = demo_stack(lambda text: show(f"  {text}"))
    try:
        stack.up()
        secrets = Secrets.load_or_create(stack.state)
        target = attacked(stack, secrets)
        tries = (
            one for one in every_try(stack, target, secrets) if one.group.startswith(options.only)
        )
        outcomes = carry_out_all(tries, show)
    finally:
        stack.down()
    code = report(Counter((o.attempt.group, not o.got_through) for o in outcomes), show)
    if not options.only and len(outcomes) < TRIES_MIN:
        show(f"there should be at least {TRIES_MIN} tries: the descriptions are not complete")
        return 1
    return code


def _terminate(*_: object) -> None:
    raise SystemExit(143)  # unwinds, so that what was started is stopped


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
