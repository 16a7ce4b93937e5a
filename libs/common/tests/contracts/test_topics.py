import re

from libs.common.contracts.topics import APPROVAL_RULES, CONFIG, HOLDS, TOPICS

SERVICES = {"ingest", "dispatcher", "webhooks", "ledger", "reports"}


def test_names_are_unique_and_in_kebab_case() -> None:
    assert len({t.name for t in TOPICS}) == len(TOPICS)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", t.name) for t in TOPICS)


def test_producers_and_consumers_are_services_and_nobody_reads_himself() -> None:
    for topic in TOPICS:
        assert {topic.producer, *topic.consumers} <= SERVICES
        assert topic.consumers or topic in (HOLDS, APPROVAL_RULES), "kept for a restore"
        assert topic.producer not in topic.consumers


def test_facts_are_kept_for_ever_and_never_compacted() -> None:
    assert CONFIG["retention.ms"] == "-1"
    assert CONFIG["cleanup.policy"] == "delete"
