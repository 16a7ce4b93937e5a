"""Mutants of the creation of provider objects, of older topics, and of clocks that are set back."""

from devtools.mutants.checks import (
    CREATED,
    DISPATCHER,
    LOST_PAGES,
    OBJECTS,
    OLDER_TOPICS,
    READER,
    SENDING,
    SOURCE,
    TESTS,
)
from devtools.mutants.runner import Mutant

CREATIONS = (
    Mutant(
        "a payment goes out before its source account exists",
        SENDING,
        "AND s.kind = 'ach'\n                        AND s.status = 'pending'\n",
        "AND s.kind = 'ach'\n",
        CREATED,
    ),
    Mutant(
        "what was refused is not tried again for a person",
        f"{DISPATCHER}/store/object_retries.py",
        "                OR (o.status IN ('failed', 'held') AND o.attempts < :most))",
        "                OR (o.status IN ('held') AND o.attempts < :most))",
        CREATED,
    ),
    Mutant(
        "an unknown answer to a creation is a refusal",
        OBJECTS,
        "            verdict = classify(answer, call.expected, call.prefix)",
        "            verdict = (\n"
        "                Verdict.REFUSED\n"
        "                if answer.status is None\n"
        "                else classify(answer, call.expected, call.prefix)\n"
        "            )",
        CREATED,
    ),
    Mutant(
        "a refused try is made anew while an earlier one is open",
        f"{DISPATCHER}/store/object_retries.py",
        "WHERE a.subject_id = w.object_id AND a.n = w.attempts AND a.outcome = 'open'",
        "WHERE a.subject_id = w.object_id AND a.n = w.attempts AND a.outcome = 'never'",
        f"{TESTS}/test_refused_objects.py -k looked_up_and_not_made_twice",
    ),
)

#: Mechanisms of later findings (docs/faults.md, from 140 on).
OLDER_TOPICS_AND_CLOCKS = (
    Mutant(
        "the message before the offset is not compared",
        SOURCE,
        "if self.has_taken_in is not None and not self.has_taken_in(message):",
        "if self.has_taken_in is None:",
        OLDER_TOPICS,
    ),
    Mutant(
        "nothing is compared after a lost connection",
        SOURCE,
        "        if first is not None and self.was_disconnected:\n",
        "        if first is None and self.was_disconnected:\n",
        OLDER_TOPICS,
    ),
    Mutant(
        "an offset may go back",
        "libs/common/messaging/written_offsets.py",
        "        if offset < end:\n",
        "        if end < 0:\n",
        OLDER_TOPICS,
    ),
    Mutant(
        "a page that is lost begins the walk anew",
        READER,
        "tries = PAGE_READS_MAX if cursor else 1",
        "tries = 1",
        LOST_PAGES,
    ),
    Mutant(
        "what waits is not brought forward after a step back",
        f"{DISPATCHER}/store/due.py",
        "BETWEEN now() + make_interval(secs => :longest_s) AND '9000-01-01'",
        "> '9000-01-01'",
        f"{TESTS}/test_clock_steps.py -k a_resend_does_not_wait_longer",
    ),
    Mutant(
        "a statement waits for a clock that was set back",
        f"{DISPATCHER}/store/statements.py",
        "THEN '-infinity'",
        "THEN b.statement_begun_at",
        f"{TESTS}/test_clock_steps.py -k a_statement_does_not_wait",
    ),
)
