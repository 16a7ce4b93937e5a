"""What a state of the explorer holds: the payment's row, both workers, the provider.

Ages are in seconds and capped where nothing depends on them any more, so that states meet again.
"""

from typing import NamedTuple


class Ours(NamedTuple):
    """The payment's row, its newest attempt and its batch, as the database has them."""

    status: str = "unprocessed"
    step: str = ""
    attempts: int = 0
    fence: int = 0
    looks: int = 0
    due_s: float = 0
    lease_s: float = 0
    first_sent_s_ago: float = 0  # by both clocks: a step of one of them makes nothing older
    last_sent_s_ago: float = 0  # likewise
    sends: int = 0
    answered: int = 0  # sends of which an answer says that they did not run
    http: int = 0
    bound: str = ""
    cancelled: bool = False


class Call(NamedTuple):
    """A leased call, in a worker's memory."""

    n: int
    fence: int
    key: str
    unanswered: int = 0
    age_s: float = 0


class Reply(NamedTuple):
    """What a worker knows of its call: a status (0: no answer) and the payment it names."""

    n: int
    fence: int
    status: int
    line: str = ""
    unanswered: int = 0


class Walk(NamedTuple):
    """What a look-up read and has not recorded: the numbers of the lines it was shown."""

    fence: int
    looks: int
    lines: tuple[int, ...]


class Request(NamedTuple):
    """A request to pay that is under way."""

    key: str
    n: int
    age_s: float = 0


class Stored(NamedTuple):
    """An answer that the provider stores under a key."""

    key: str
    status: int
    line: str
    age_s: float = 0


class Line(NamedTuple):
    """A live payment at the provider, of one attempt."""

    n: int
    age_s: float = 0


class Budget(NamedTuple):
    """How many of each may still happen."""

    faults: int = 3
    crashes: int = 2
    jumps: int = 7
    people: int = 1
    clock_steps: int = 0
    restores: int = 0


class State(NamedTuple):
    """Everything that is, at one moment."""

    ours: Ours = Ours()
    workers: tuple[Call | Reply | None, ...] = (None, None)
    walk: Walk | None = None
    under_way: tuple[Request, ...] = ()
    stored: tuple[Stored, ...] = ()
    lines: tuple[Line, ...] = ()
    left: Budget = Budget()
    copy: Ours | None = None
    walked: bool = True
    quarantined: bool = False
    walks_expire: bool = True
