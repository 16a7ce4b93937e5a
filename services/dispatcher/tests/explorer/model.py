"""Every step that can follow a state of one payment, each with the sentence that tells it.

Decisions are production code (`decisions.py`). What the database and the network do is modelled:
leases, fences and due times as the SQL of `store` has them; a provider that stores answers under
keys for a day, and whose list lags. The duplicate detector is left out: the protocol must hold
without it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from services.dispatcher.domain.protocol import Answer
from services.dispatcher.tests.explorer.decisions import EXPECTED, Decisions, provider_line
from services.dispatcher.tests.explorer.state import Call, Reply, Request, State, Walk
from services.dispatcher.tests.explorer.surroundings import (
    LAG_MAX_S,
    RETENTION_S,
    arrive,
    execute,
    find,
    pass_time,
    store,
)

#: Until a look-up is due; until a re-send is due; until the grace is over; until a key expires.
JUMPS_S = (70, 400, 1_900, RETENTION_S + 3_600)
OPEN = ("sending", "in_doubt")
Step = tuple[str, State]


@dataclass(frozen=True)
class Model:
    """All steps of a state, each with the sentence that tells it."""

    decisions: Decisions

    def steps(self, state: State) -> Iterator[Step]:
        """Yield (sentence, next state) of everything that can happen now."""
        for w, memory in enumerate(state.workers):
            if memory not in state.workers[:w]:  # two workers that know the same do the same
                yield from self._worker_steps(state, w)
        yield from self._tracking_steps(state)
        for request in state.under_way:
            yield (
                f"The request with {request.key or 'no key'} arrives late.",
                arrive(state, request),
            )
        if state.left.jumps:
            left = state.left._replace(jumps=state.left.jumps - 1)
            for seconds in JUMPS_S:
                yield f"{told(seconds)} pass.", pass_time(state._replace(left=left), seconds)
        yield from self._restart_steps(state)
        yield from self._rare_steps(state)

    # --- workers ---

    def _worker_steps(self, state: State, w: int) -> Iterator[Step]:
        memory, name = state.workers[w], f"Worker {w + 1}"
        if memory is None:
            yield from self._lease(state, w)
            return
        if state.left.crashes:
            left = state.left._replace(crashes=state.left.crashes - 1)
            yield f"{name} dies.", put(state._replace(left=left), w, None)
        if isinstance(memory, Reply):
            yield f"{name} records {heard(memory)}.", put(self._record(state, memory), w, None)
        else:
            yield from self._send(state, w, memory)

    def _lease(self, state: State, w: int) -> Iterator[Step]:
        """Gate and intent in one transaction: a new attempt, or an open one once more."""
        ours, timing = state.ours, self.decisions.timing
        may_send = self.decisions.may_send(
            cancelled=ours.cancelled, walked=state.walked, quarantined=state.quarantined
        )
        if not may_send or ours.due_s > 0 or ours.lease_s > 0:
            return
        leased = ours._replace(
            due_s=timing.lease_s + timing.resend_after_s,
            lease_s=timing.lease_s,
            last_sent_s_ago=0,
            fence=ours.fence + 1,
        )
        if ours.status == "unprocessed":
            n = ours.attempts + 1
            new = leased._replace(
                status="sending",
                step="resend",
                attempts=n,
                looks=0,
                first_sent_s_ago=0,
                sends=1,
                answered=0,
                http=0,
            )
            call = Call(n, new.fence, self._key(n, 0, 0))
            yield f"Worker {w + 1} writes attempt {n}.", put(state._replace(ours=new), w, call)
        elif (
            ours.status in OPEN
            and ours.step == "resend"
            and ours.first_sent_s_ago < timing.resend_until_s
        ):
            again = leased._replace(sends=min(ours.sends + 1, 4))
            key = self._key(ours.attempts, ours.sends, ours.http)
            call = Call(ours.attempts, again.fence, key, ours.sends - ours.answered)
            sentence = f"Worker {w + 1} takes attempt {ours.attempts} to send it again."
            yield sentence, put(state._replace(ours=again), w, call)

    def _key(self, n: int, sends: int, http: int) -> str:
        return self.decisions.wire_key(self.decisions.key_of(n, sends), http)

    def _send(self, state: State, w: int, call: Call) -> Iterator[Step]:
        """The call of a worker, and what may become of it."""
        name = f"Worker {w + 1}"
        said = f"{name} sends attempt {call.n} with {call.key or 'no key'}"
        silence = Reply(call.n, call.fence, 0, "", call.unanswered)
        if call.age_s > self.decisions.timing.send_within_s:
            yield f"{name} finds that it is too late for its call.", put(state, w, silence)
            return
        executed, answer = execute(state, call.key, call.n)
        reply = silence._replace(status=answer.status, line=answer.line)
        yield f"{said}: {heard(reply)}.", put(executed, w, reply)
        if not state.left.faults:
            return
        left = state.left._replace(faults=state.left.faults - 1)
        state, executed = state._replace(left=left), executed._replace(left=left)
        yield f"{said}: the request is lost.", put(state, w, silence)
        yield f"{said}: it is executed, the answer is lost.", put(executed, w, silence)
        delayed = (*state.under_way, Request(call.key, call.n))
        yield (
            f"{said}: the request is delayed, no answer comes.",
            put(state._replace(under_way=tuple(sorted(delayed))), w, silence),
        )
        failed = silence._replace(status=500)
        if not find(state, call.key):
            told_500 = store(executed, call.key, 500, "")
            yield f"{said}: it is executed, and answered with 500.", put(told_500, w, failed)
            not_run = store(state, call.key, 500, "")
            yield f"{said}: it is not executed, and answered with 500.", put(not_run, w, failed)
        unavailable = silence._replace(status=503)
        yield f"{said}: it is not executed, and answered with 503.", put(state, w, unavailable)

    def _record(self, state: State, reply: Reply) -> State:
        """Record an answer under its fence; under another one it is dropped."""
        ours = state.ours
        if ours.fence != reply.fence:
            return state
        data = {"id": reply.line, **EXPECTED} if reply.line else None
        sub_type = "IDEMPOTENCY_UNAVAILABLE" if reply.status == 503 else ""
        following, did_not_run = self.decisions.after_answer(
            Answer(reply.status or None, data, sub_type), reply.unanswered
        )
        return state._replace(
            ours=ours._replace(
                status=following.status,
                step=following.step.value,
                due_s=following.wait_s,
                lease_s=0,
                looks=0,
                answered=ours.answered + did_not_run,
                http=reply.status,
                bound=reply.line if following.attempt == "accepted" else ours.bound,
            )
        )

    # --- look-ups ---

    def _tracking_steps(self, state: State) -> Iterator[Step]:
        ours, timing = state.ours, self.decisions.timing
        is_past_resending = ours.cancelled or ours.first_sent_s_ago >= timing.resend_until_s
        if (
            ours.status in OPEN
            and ours.step == "resend"
            and ours.lease_s <= 0
            and is_past_resending
        ):
            wait_s = max(0, timing.grace_s - ours.last_sent_s_ago)
            left = ours._replace(status="in_doubt", step="lookup", looks=0, due_s=wait_s)
            yield "The payment is left to the look-up.", state._replace(ours=left)
        if ours.status == "unprocessed" and ours.cancelled:
            ended = ours._replace(status="cancelled")
            yield "The unsent payment of the cancelled batch ends.", state._replace(ours=ended)
        if state.walk is not None:
            yield "The look-up records what it read.", self._conclude(state, state.walk)
        elif (
            ours.status == "in_doubt"
            and ours.step == "lookup"
            and ours.due_s <= 0
            and ours.lease_s <= 0
            and ours.last_sent_s_ago >= timing.grace_s
        ):
            yield from self._walk(state)

    def _walk(self, state: State) -> Iterator[Step]:
        """A look-up reads the list; a young payment may be missing in it."""
        leased = state.ours._replace(fence=state.ours.fence + 1, lease_s=60)
        old = tuple(i for i, line in enumerate(state.lines) if line.age_s >= LAG_MAX_S)
        everything = tuple(range(len(state.lines)))
        for shown in sorted({old, everything}):
            walk = Walk(leased.fence, leased.looks + 1, shown)
            seen = f"{len(shown)} of {len(state.lines)} payments"
            yield (
                f"The provider's list is searched: it shows {seen}.",
                state._replace(ours=leased, walk=walk),
            )

    def _conclude(self, state: State, walk: Walk) -> State:
        ours, state = state.ours, state._replace(walk=None)
        if ours.fence != walk.fence or ours.status != "in_doubt":
            return state
        lines = [provider_line(i, state.lines[i].n) for i in walk.lines]
        found, following = self.decisions.after_walk(
            lines, (ours.attempts, walk.looks, ours.bound, ours.http, ours.cancelled)
        )
        return state._replace(
            ours=ours._replace(
                status=following.status,
                step=following.step.value,
                due_s=following.wait_s,
                lease_s=0,
                looks=walk.looks if following.status == "in_doubt" else 0,
                bound=found or ours.bound,
            )
        )

    # --- the walk after a restore ---

    def _restart_steps(self, state: State) -> Iterator[Step]:
        """The provider is asked before anything is sent; what it shows of ours is bound."""
        ours = state.ours
        if state.quarantined:
            # A recovery waits until nothing can be under way or missing in the list any more.
            if not state.under_way and all(line.age_s >= LAG_MAX_S for line in state.lines):
                newest = max(range(len(state.lines)), key=lambda i: state.lines[i].n)
                bound = self._bind(state, newest)._replace(quarantined=False)
                yield "The database is recovered, and two people release it.", bound
        elif not state.walked:
            old = tuple(i for i, line in enumerate(state.lines) if line.age_s >= LAG_MAX_S)
            for shown in sorted({old, tuple(range(len(state.lines)))}):
                lines = [provider_line(i, state.lines[i].n) for i in shown]
                walked = state._replace(walked=True)
                sentence = f"The walk before the first send shows {len(shown)} payments"
                if self.decisions.shows_unknown(lines, ours.attempts):
                    yield f"{sentence}, one unknown here.", walked._replace(quarantined=True)
                elif ours.status in OPEN and shown and ours.lease_s <= 0:
                    yield f"{sentence}, and binds one.", self._bind(walked, shown[-1])
                else:
                    yield f"{sentence}.", walked

    @staticmethod
    def _bind(state: State, line: int) -> State:
        n = state.lines[line].n
        ours = state.ours._replace(
            status="pending",
            step="",
            attempts=max(n, state.ours.attempts),
            fence=state.ours.fence + 1,
            lease_s=0,
            bound=f"pmt_{line}",
        )
        return state._replace(ours=ours)

    # --- people, clocks, restores ---

    def _rare_steps(self, state: State) -> Iterator[Step]:
        left, ours = state.left, state.ours
        if left.people and not ours.cancelled:
            spent = state._replace(left=left._replace(people=0))
            yield "A person cancels the batch.", spent._replace(ours=ours._replace(cancelled=True))
        if left.clock_steps:
            spent = state._replace(left=left._replace(clock_steps=left.clock_steps - 1))
            # Leases and due times lie in the database. The waits that decide count anew.
            stepped = ours._replace(due_s=0, lease_s=0, last_sent_s_ago=0)
            yield "Our wall clock jumps ahead by 48 h.", spent._replace(ours=stepped)
        if left.restores and state.copy is None:
            yield "A snapshot is taken.", state._replace(copy=ours)
        if left.restores and state.copy is not None:
            yield (
                "Everything here is restored from the snapshot.",
                state._replace(
                    ours=state.copy,
                    copy=None,
                    workers=tuple(None for _ in state.workers),
                    walk=None,
                    walked=False,
                    left=left._replace(restores=left.restores - 1),
                ),
            )


# --- words -------------------------------------------------------------------------------------


def put(state: State, w: int, memory: Call | Reply | None) -> State:
    """Give a worker something to remember. Workers are alike, so their order does not count."""
    workers = list(state.workers)
    workers[w] = memory
    return state._replace(workers=tuple(workers))


def heard(reply: Reply) -> str:
    """An answer in words."""
    if not reply.status:
        return "no answer"
    return f"{reply.status} with {reply.line}" if reply.line else f"{reply.status}"


def told(seconds: float) -> str:
    """A time in words."""
    return f"{seconds / 3600:.0f} hours" if seconds >= 3_600 else f"{seconds} seconds"
