"""Checks around a service: each finding is one sentence that says what to do."""

import re
import shutil
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import KafkaError, KafkaException
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from sqlalchemy import create_engine

from libs.common.contracts.topics import CONFIG, PARTITIONS
from libs.common.database import server_checks
from libs.common.database.engine import run
from libs.common.messaging.broker_checks import Copies, limits_sentence, topic_sentence
from libs.common.runtime import world_checks
from libs.common.runtime.world_checks import WorldChecks, certificate_files, check_certificates
from libs.common.tests.conftest import Store

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def test_a_finding_is_kept_until_the_check_finds_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = iter([{"a": "A is wrong."}, {"a": "A is wrong."}, {"a": ""}])
    world = WorldChecks([lambda: next(answers)])
    for expected in ({"a": "A is wrong."}, {"a": "A is wrong."}, {}):
        world.check_all()
        assert world.sentences() == expected
    assert capsys.readouterr().out.count("A is wrong.") == 1  # not a line each five minutes


def test_a_check_that_cannot_be_made_stops_no_other_and_forgets_nothing() -> None:
    world = WorldChecks(found={"clock": "It is behind."})

    def away() -> dict[str, str]:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    world.checks += [away, lambda: {"disk": "It is full."}]
    world.check_all()
    assert world.sentences() == {"clock": "It is behind.", "disk": "It is full."}


def test_connections_and_transactions_have_limits() -> None:
    assert not server_checks.connections_sentence(85, 100)
    assert "86 connections of 100" in server_checks.connections_sentence(86, 100)
    assert not server_checks.transaction_sentence(599)
    assert "20 minutes" in server_checks.transaction_sentence(1_200)


GOOD = dict(CONFIG)
ONE = Copies(1, 1, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"retention.ms": "604800000"}, "retention.ms is 604800000 instead of -1"),
        ({"cleanup.policy": "compact"}, "cleanup.policy is compact instead of delete"),
        ({"max.message.bytes": "1048588"}, "max.message.bytes is below 16777216"),
        ({"min.insync.replicas": "2"}, "min.insync.replicas is 2 and there are 1 replicas"),
    ],
)
def test_a_topics_settings_other_than_ours_are_named(change: dict[str, str], words: str) -> None:
    found = topic_sentence("batches", PARTITIONS, ONE, GOOD | change)
    assert (words in found) if words else found == ""


def test_a_topic_without_its_partitions_or_replicas_is_named() -> None:
    assert "6 partitions instead of 12" in topic_sentence("batches", 6, ONE, GOOD)
    assert "There is no topic batches" in topic_sentence("batches", 0, Copies(0, 0, 1), {})
    two = GOOD | {"min.insync.replicas": "2"}
    assert topic_sentence("batches", PARTITIONS, Copies(3, 2, 3), two) == ""
    assert "1 replicas are in sync" in topic_sentence("batches", PARTITIONS, Copies(3, 1, 3), two)
    assert topic_sentence("batches", PARTITIONS, ONE, {}) == ""  # we may not read its settings


@pytest.mark.parametrize(
    ("copies", "least", "words"),
    [
        (Copies(1, 1, 3), "1", "replicas: 1, and there are brokers for 3"),
        (Copies(2, 2, 3), "2", "replicas: 2, and there are brokers for 3"),
        (Copies(3, 3, 3), "1", "min.insync.replicas is 1 instead of 2"),
        (Copies(3, 2, 2), "2", ""),  # one broker of three is away
        (Copies(2, 2, 2), "1", ""),
    ],
)
def test_fewer_copies_than_there_are_brokers_for_are_named(
    copies: Copies, least: str, words: str
) -> None:
    found = topic_sentence("batches", PARTITIONS, copies, GOOD | {"min.insync.replicas": least})
    assert (words in found) if words else found == ""


def test_limits_of_the_broker_that_refuse_us_are_named_with_the_setting() -> None:
    limits = {"group.min.session.timeout.ms": "6000", "group.max.session.timeout.ms": "1800000"}
    assert limits_sentence(limits, 6_000) == ""
    assert limits_sentence({}, 3_000) == ""
    found = limits_sentence(limits | {"message.max.bytes": "1048588"}, 3_000)
    assert "6000 to 1800000 ms, and ours is 3000" in found
    assert "SESSION_TIMEOUT_MS" in found
    assert "message.max.bytes is 1048588" in found


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(("free_gb", "full"), [(50, False), (3, False), (1, True)])
def test_a_disk_that_is_nearly_full_is_named(
    free_gb: int, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = Usage(100 << 30, 0, free_gb << 30)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert bool(world_checks.check_disk([Path("/srv")])["disk of /srv"]) is full


def certificate(days: int) -> bytes:
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kafka")]),
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=300))
        .not_valid_after(NOW + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)


def test_a_certificate_that_ends_within_thirty_days_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(certificate(400) + certificate(29))
    (tmp_path / "cert.pem").write_bytes(certificate(31))
    files = certificate_files(
        f"ssl://h:1?ca={tmp_path}/ca.pem&cert={tmp_path}/cert.pem&key=k",
        "postgresql+psycopg2://u:p@h/d?sslmode=verify-full&sslrootcert=system",
    )
    assert [file.name for file in files] == ["ca.pem", "cert.pem"]
    found = check_certificates(files, NOW)
    assert "ends on 2026-12-27" in found["certificate ca.pem"]
    assert found["certificate cert.pem"] == ""


@pytest.mark.database
def test_a_server_in_order_gives_no_sentence(store: Store) -> None:
    assert server_checks.check_server(store.engine) == {
        "clock of the database": "",
        "database connections": "",
        "oldest transaction": "",
        "triggers of the database": "",
    }


@pytest.mark.database
def test_connections_of_every_role_are_counted_and_own_transactions_judged(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_checks, "CONNECTIONS_MAX_SHARE", 0.0)
    monkeypatch.setattr(server_checks, "TRANSACTION_MAX_S", 0.5)
    owner = create_engine(store.owner_url, pool_size=40)
    with ExitStack() as others:
        for _ in range(40):  # more than the service itself ever has
            run(others.enter_context(owner.connect()), "SELECT 1")
        time.sleep(0.6)
        found = server_checks.check_server(store.engine)
        count = re.findall(r"has (\d+) connections", found["database connections"])
        assert int(count[0]) > 40
        assert found["oldest transaction"] == ""
    owner.dispose()
    with store.engine.connect() as own:
        run(own, "SELECT 1")
        time.sleep(0.6)
        found = server_checks.check_server(store.engine)
    assert "A transaction of this service" in found["oldest transaction"]
