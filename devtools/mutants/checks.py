"""The files that mutants change, and the checks that must see them."""

DISPATCHER = "services/dispatcher"
TESTS = f"{DISPATCHER}/tests"
PROTOCOL = f"{DISPATCHER}/domain/protocol.py"
PAYMENTS = f"{DISPATCHER}/sending/payments.py"
OBJECTS = f"{DISPATCHER}/sending/provider_objects.py"
SENDING = f"{DISPATCHER}/store/payment_sending.py"
BATCHES = f"{DISPATCHER}/store/batches.py"
KILL_SWITCH = f"{DISPATCHER}/store/kill_switch.py"
LOOKUP = f"{DISPATCHER}/tracking/lookup.py"
POLLING = f"{DISPATCHER}/tracking/polling.py"
DUPLICATES = f"{DISPATCHER}/domain/duplicates.py"
STATUSES = f"{DISPATCHER}/domain/statuses.py"
PACING = f"{DISPATCHER}/domain/pacing.py"
GATE_RULE = f"{DISPATCHER}/domain/gate.py"
WORKER = f"{DISPATCHER}/sending/worker.py"
READER = f"{DISPATCHER}/provider/reader.py"
SOURCE = "libs/common/messaging/kafka_source.py"

PROTOCOL_RULES = f"{TESTS}/test_protocol_rules.py"
DUPLICATE_RULES = f"{TESTS}/test_duplicate_rules.py"
GATE_RULES = f"{TESTS}/test_gate_rules.py"
STATUS_RULES = f"{TESTS}/test_status_rules.py"
LIMITER_RULES = f"{TESTS}/test_pacing_and_merchants.py"
LATE_CALLS = f"{TESTS}/test_answers.py -k stopped_after_its_intent"
WALKS = f"{TESTS}/test_answers.py -k a_walk_counts_only"
LOST_PAGES = f"{TESTS}/test_limits_of_calls.py -k lost_on_the_way"
OLDER_TOPICS = "libs/common/tests/messaging/test_older_topics.py -k not dead_letters"
#: Checks that need no database.
PURE = (
    *(LATE_CALLS, WALKS, LOST_PAGES, OLDER_TOPICS),
    *(PROTOCOL_RULES, GATE_RULES, DUPLICATE_RULES, STATUS_RULES, LIMITER_RULES),
)


def simulation(mix: str) -> str:
    """The simulations of one mix of faults."""
    return f"{TESTS}/test_simulation.py -k each_payment_is_paid_once and {mix}"


NETWORK = simulation("network")
#: The simulations in which no walk finds what a forgotten key cannot prevent.
KEYS_ALONE = f"{TESTS}/test_simulation.py -k keys_alone"
REFUSALS = simulation("refusals")
CREATED = simulation("refused and mended")
