"""The mutants: every way in which the money path was broken on purpose, and which check sees it.

The first seven are protocols that look right and are not; the simulation alone must see them. A
mutant whose text no longer stands in its file fails the run, so that the list follows the code.
"""

from devtools.mutants.checks import (
    DISPATCHER,
    DUPLICATE_RULES,
    DUPLICATES,
    GATE_RULE,
    GATE_RULES,
    KILL_SWITCH,
    LATE_CALLS,
    LIMITER_RULES,
    LOOKUP,
    NETWORK,
    OBJECTS,
    PACING,
    PAYMENTS,
    POLLING,
    PROTOCOL,
    PROTOCOL_RULES,
    READER,
    REFUSALS,
    SENDING,
    STATUS_RULES,
    STATUSES,
    TESTS,
    WALKS,
    WORKER,
    simulation,
)
from devtools.mutants.creations_and_clocks import CREATIONS, OLDER_TOPICS_AND_CLOCKS
from devtools.mutants.runner import Mutant
from devtools.mutants.wrong_protocols import WRONG_PROTOCOLS

GATE = (
    Mutant(
        "the gate does not lock the batches",
        f"{DISPATCHER}/store/gate.py",
        "        ORDER BY b.batch_id\n        FOR SHARE OF b",
        "        ORDER BY b.batch_id",
        NETWORK,
    ),
    Mutant(
        "the gate does not lock the kill switch",
        KILL_SWITCH,
        "        FROM kill_switch\n        FOR SHARE",
        "        FROM kill_switch",
        NETWORK,
    ),
    Mutant(
        "the gate ignores the kill switch",
        GATE_RULE,
        "        if self.kill_switch:\n",
        "        if self.kill_switch is None:\n",
        REFUSALS,
    ),
    Mutant(
        "the gate ignores a restored database",
        GATE_RULE,
        "        if self.quarantined:\n",
        "        if self.quarantined is None:\n",
        simulation("database"),
    ),
    Mutant(
        "the gate lets paused batches through",
        GATE_RULE,
        'if self.batch_states.get(batch_id) != "paying":',
        'if self.batch_states.get(batch_id) == "cancelled":',
        REFUSALS,
    ),
    Mutant(
        "the gate does not ask for a walk",
        GATE_RULE,
        "        if batch_id not in self.walked:\n",
        "        if batch_id is None:\n",
        simulation("both"),
    ),
    Mutant(
        "the gate does not ask for the provider's clock",
        GATE_RULE,
        "        if not self.clock_known:\n",
        "        if self.clock_known is None:\n",
        GATE_RULES,
    ),
    Mutant(
        "the gate ignores sources that the provider refuses",
        GATE_RULE,
        "        if (batch_id, account_index) in self.refused_sources:",
        "        if False:",
        GATE_RULES,
    ),
    Mutant(
        "the gate ignores stopped sources",
        GATE_RULE,
        "return Refusal.SOURCE_STOPPED if account_index in self.stopped_accounts else None",
        "return None",
        GATE_RULES,
    ),
    Mutant(
        "payments of another digest are sent",
        SENDING,
        "WHERE a.batch_id = q.batch_id AND a.digest = q.digest",
        "WHERE a.batch_id = q.batch_id",
        f"{TESTS}/test_commands.py -k another_digest",
    ),
    Mutant(
        "payments of stopped and refused sources use up the limit",
        SENDING,
        '                    AND {SOURCE_MAY_PAY.format("q")}\n',
        "",
        f"{TESTS}/test_refused_source_order.py",
    ),
)

CLAIMS_AND_FENCE = (
    Mutant(
        "a row is paid by two payments",
        f"{DISPATCHER}/consumers.py",
        "    if missing:\n",
        "    if missing < 0:\n",
        f"{TESTS}/test_claims.py",
    ),
    Mutant(
        "answers under a lapsed lease count",
        f"{DISPATCHER}/domain/claims.py",
        "return is_sent and (current.attempt, current.fence) == (attempt, fence)",
        "return is_sent and current.attempt == attempt",
        f"{TESTS}/test_lookup.py -k lapsed_lease",
    ),
    Mutant(
        "a call is sent however late after its intent",
        WORKER,
        "    if provider.clocks.boot_s() > send_until:\n",
        "    if send_until < -1e9:\n",
        LATE_CALLS,
    ),
    Mutant(
        "all attempts have one key",
        f"{DISPATCHER}/store/attempts.py",
        "return uuid5(subject_id, str(n))",
        'return uuid5(subject_id, "1")',
        NETWORK,
    ),
    Mutant(
        "the intent is not written",
        PAYMENTS,
        '"payment", "pay", c.path, c.body) for c in calls],',
        '"payment", "pay", c.path, c.body) for c in calls[1:]],',
        NETWORK,
    ),
)

LOOKUPS = (
    Mutant(
        "one look-up is enough",
        PROTOCOL,
        "lookups_needed: int = 3",
        "lookups_needed: int = 1",
        f"{TESTS}/test_lookup.py -k absent_three_times",
    ),
    Mutant(
        "a walk that was cut short counts",
        LOOKUP,
        "            if not complete and (line is None or not is_alive(line)):\n",
        "            if complete is None and (line is None or not is_alive(line)):\n",
        f"{TESTS}/test_lookup.py -k without_the_providers_total",
    ),
    Mutant(
        "the provider's count is not compared",
        READER,
        "            self.complete = len(self.seen) == page.total\n",
        "            self.complete = page.total >= 0\n",
        WALKS,
    ),
    Mutant(
        "look-ups begin two days after the intent",
        READER,
        "(provider_date.astimezone(UTC) - timedelta(days=2)).date()",
        "(provider_date.astimezone(UTC) + timedelta(days=2)).date()",
        NETWORK,
    ),
    Mutant(
        "what was answered with 200 is believed absent",
        PROTOCOL,
        "    if may_exist:\n",
        "    if may_exist and cancelled:\n",
        PROTOCOL_RULES,
    ),
    Mutant(
        "there is no end of new keys",
        PROTOCOL,
        "    if absent > timing.rekeys_max:\n",
        "    if absent > 100:\n",
        PROTOCOL_RULES,
    ),
    Mutant(
        "what was found with other money is bound",
        PROTOCOL,
        'return Next("pending", attempt="accepted") if found.equal else Next("held")',
        'return Next("pending", attempt="accepted")',
        PROTOCOL_RULES,
    ),
    Mutant(
        "ended there means failed at once",
        POLLING,
        "    if row.attempts > 1 and has_ended:\n",
        "    if row.attempts > 100 and has_ended:\n",
        f"{TESTS}/test_lookup.py -k what_ends_at_the_provider",
    ),
)

ANSWERS = (
    Mutant(
        "no answer means failed",
        PROTOCOL,
        "    if status is None:\n        return Verdict.NO_ANSWER",
        "    if status is None:\n        return Verdict.REFUSED",
        NETWORK,
    ),
    Mutant(
        "a new key after no answer",
        PROTOCOL,
        'return Next("in_doubt", Step.RESEND, timing.resend_after_s)',
        'return Next("unprocessed", attempt="absent")',
        NETWORK,
    ),
    Mutant(
        "an unknown answer is sent again for ever",
        PROTOCOL,
        """        case Verdict.UNKNOWN:
            return Next("in_doubt", Step.LOOK_UP, timing.grace_s)""",
        """        case Verdict.UNKNOWN:
            return Next("in_doubt", Step.RESEND, timing.resend_after_s)""",
        NETWORK,
    ),
    Mutant(
        "an absent attempt means failed",
        PROTOCOL,
        '    return Next("unprocessed", attempt="absent")',
        '    return Next("failed", attempt="absent")',
        NETWORK,
    ),
    Mutant(
        "a stored 429 is waited for",
        PROTOCOL,
        "    if status in (429, 503) and answer.replayed:\n",
        "    if status == 0 and answer.replayed:\n",
        NETWORK,
    ),
    Mutant(
        "an unknown answer is a refusal",
        PROTOCOL,
        "        return classify_refusal(answer.sub_type, prefix)\n    return Verdict.UNKNOWN",
        "        return classify_refusal(answer.sub_type, prefix)\n    return Verdict.REFUSED",
        NETWORK,
    ),
    Mutant(
        "an unknown refusal is final",
        PROTOCOL,
        "        return Verdict.REFUSED\n    return Verdict.UNKNOWN\n",
        "        return Verdict.REFUSED\n    return Verdict.REFUSED\n",
        PROTOCOL_RULES,
    ),
    Mutant(
        "every 200 is an acceptance",
        PROTOCOL,
        "return Verdict.ACCEPTED if equal else Verdict.MISMATCH",
        "return Verdict.ACCEPTED",
        PROTOCOL_RULES,
    ),
    Mutant(
        "a refused source goes on",
        PROTOCOL,
        'return Next("unprocessed", stop_source=True, attempt="refused")',
        'return Next("unprocessed", attempt="refused")',
        PROTOCOL_RULES,
    ),
    Mutant(
        "a refused key stops nothing",
        PROTOCOL,
        'return Next("sending", Step.RESEND, timing.later_s, stop_all=True)',
        'return Next("sending", Step.RESEND, timing.later_s)',
        PROTOCOL_RULES,
    ),
)

STATES_AND_LIMITS = (
    Mutant(
        "a payment that ended there is preferred",
        DUPLICATES,
        "3 * is_alive(line) + 2 * is_this_attempt",
        "is_alive(line) + 2 * is_this_attempt",
        DUPLICATE_RULES,
    ),
    Mutant(
        "a duplicate that stays is cancelled as well",
        DUPLICATES,
        "tuple(i for i in pending if i != stays)",
        "tuple(pending)",
        DUPLICATE_RULES,
    ),
    Mutant(
        "a bound payment that names none of ours is not counted",
        DUPLICATES,
        'if payment_id_of(line) or str(line["id"]) not in bound',
        'if payment_id_of(line) or str(line["id"])',
        f"{TESTS}/test_unnamed_duplicates.py -k a_bound_line_gets",
    ),
    Mutant(
        "duplicates of payments in doubt are judged",
        DUPLICATES,
        'or ours.status in ("sending", "in_doubt", "held"):',
        'or ours.status == "held":',
        DUPLICATE_RULES,
    ),
    Mutant(
        "a return is called failed",
        STATUSES,
        'return "reversed" if current == "completed" else "failed"',
        'return "failed"',
        STATUS_RULES,
    ),
    Mutant(
        "any status may follow",
        STATUSES,
        "return observed in REACHABLE[known(stored)]",
        "return observed in REACHABLE",
        STATUS_RULES,
    ),
    Mutant(
        "the limiter leaves no room for lateness",
        PACING,
        "return 60.0 / max(1.0, self.per_min * 0.97 - self.burst)",
        "return 60.0 / max(1.0, self.per_min)",
        LIMITER_RULES,
    ),
    Mutant(
        "the limiter forgets what was spent",
        PACING,
        "    return start + count * bucket.interval_s",
        "    return start + (count > 0) * bucket.interval_s",
        LIMITER_RULES,
    ),
    Mutant(
        "a closed tier grants calls",
        PACING,
        "        if bucket.closed_until_s > now_s:\n",
        "        if bucket.closed_until_s < 0:\n",
        LIMITER_RULES,
    ),
    Mutant(
        "a key of a provider object is used for ever",
        OBJECTS,
        "return may_be_forgotten(row.provider_date, since, now, self.timing.resend_until_s)",
        "return False",
        simulation("refused and mended"),
    ),
    Mutant(
        "a statement that was cut short is not counted",
        f"{DISPATCHER}/store/statements.py",
        "statement_tries = statement_tries + 1",
        "statement_tries = 0",
        f"{TESTS}/test_statement_tries.py -k cut_short",
    ),
)

MUTANTS = (
    *WRONG_PROTOCOLS,
    *GATE,
    *CLAIMS_AND_FENCE,
    *LOOKUPS,
    *ANSWERS,
    *STATES_AND_LIMITS,
    *CREATIONS,
    *OLDER_TOPICS_AND_CLOCKS,
)
