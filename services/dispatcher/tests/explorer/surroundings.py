"""What the provider and time do to a state."""

from services.dispatcher.domain.provider_walk import WALK_COUNTS_S
from services.dispatcher.tests.explorer.state import Call, Line, Ours, Request, State, Stored

DELAY_MAX_S, LAG_MAX_S, RETENTION_S = 500, 1_200, 86_400
AGE_MAX_S = 2 * RETENTION_S

# --- the provider ------------------------------------------------------------------------------


def find(state: State, key: str) -> Stored | None:
    """The answer that is stored under a key, if it is not forgotten yet."""
    known = [one for one in state.stored if key and one.key == key and one.age_s < RETENTION_S]
    return known[0] if known else None


def execute(state: State, key: str, n: int) -> tuple[State, Stored]:
    """Carry a request out, or replay what is stored under its key."""
    known = find(state, key)
    if known:
        return state, known
    line = f"pmt_{len(state.lines)}"
    made = state._replace(lines=(*state.lines, Line(n)))
    return store(made, key, 200, line), Stored(key, 200, line)


def store(state: State, key: str, status: int, line: str) -> State:
    """Store an answer under a key; without a key nothing is stored."""
    if not key:
        return state
    others = tuple(one for one in state.stored if one.key != key)
    return state._replace(stored=(*others, Stored(key, status, line)))


def arrive(state: State, request: Request) -> State:
    """A request that was under way arrives; its answer goes nowhere."""
    waiting = list(state.under_way)
    waiting.remove(request)
    return execute(state._replace(under_way=tuple(waiting)), request.key, request.n)[0]


# --- time --------------------------------------------------------------------------------------


def pass_time(state: State, seconds: float) -> State:
    """Let time pass; what cannot be under way for longer has arrived at its beginning."""
    for request in state.under_way:
        if request.age_s + seconds > DELAY_MAX_S:
            state = arrive(state, request)

    def older(age_s: float, cap_s: float = AGE_MAX_S) -> float:
        return min(age_s + seconds, cap_s)

    return age_ours(state, seconds)._replace(
        walked=state.walked and (seconds < WALK_COUNTS_S or not state.walks_expire),
        workers=tuple(
            one._replace(age_s=older(one.age_s, DELAY_MAX_S)) if isinstance(one, Call) else one
            for one in state.workers
        ),
        under_way=tuple(one._replace(age_s=older(one.age_s)) for one in state.under_way),
        stored=tuple(one._replace(age_s=older(one.age_s, RETENTION_S)) for one in state.stored),
        lines=tuple(one._replace(age_s=older(one.age_s, LAG_MAX_S)) for one in state.lines),
    )


def age_ours(state: State, seconds: float) -> State:
    """Let what the database dates become older, in the copy as well."""

    def older(ours: Ours) -> Ours:
        return ours._replace(
            due_s=max(0, ours.due_s - seconds),
            lease_s=max(0, ours.lease_s - seconds),
            first_sent_s_ago=min(ours.first_sent_s_ago + seconds, AGE_MAX_S),
            last_sent_s_ago=min(ours.last_sent_s_ago + seconds, AGE_MAX_S),
        )

    copy = None if state.copy is None else older(state.copy)
    return state._replace(ours=older(state.ours), copy=copy)
