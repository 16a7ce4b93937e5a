"""On a broker with the rights of deploy/kubernetes, each service can do its work and nothing else.

Both sides have certificates; the rights are those of deploy/kubernetes/production/users.yaml.
"""

import asyncio
import datetime as dt
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined] # it has no __all__
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devtools import kubernetes_manifests
from devtools.stack import kafka as server
from devtools.stack.ports import free_ports, is_listening
from devtools.test_servers import RunningBroker
from libs.common.contracts.topics import TOPICS, facts_of
from libs.common.messaging import kafka, kafka_source
from libs.common.messaging.address import client_settings
from libs.common.messaging.broker_checks import check_broker
from libs.common.recovery import restore
from libs.common.recovery.own_messages import OwnMessages
from services import catalog
from services.reports.live_view import LIVE_TOPICS, LiveView

pytestmark = pytest.mark.broker

REFUSED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError._PURGE_QUEUE,  # of messages that a producer still had when it was refused
}
PEM, NO_PASSWORD = serialization.Encoding.PEM, serialization.NoEncryption()


@dataclass
class Authority:
    """Signs certificates; writes certificate, key, and both in one file."""

    folder: Path

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        made = self._begun("test authority", self.key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.pem = made.sign(self.key, hashes.SHA256()).public_bytes(PEM)
        (self.folder / "ca.crt").write_bytes(self.pem)

    def issue(self, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        crt = (
            self._begun(name, key)
            .add_extension(address, critical=False)
            .sign(self.key, hashes.SHA256())
            .public_bytes(PEM)
        )
        secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, NO_PASSWORD)
        for ending, body in (("crt", crt), ("key", secret), ("both", secret + crt + self.pem)):
            (self.folder / f"{name}.{ending}").write_bytes(body)

    def _begun(self, name: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        begun = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
        )
        return (
            begun.serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + dt.timedelta(days=1))
        )


@dataclass
class SecuredBroker:
    """A broker that asks for certificates; `admin` is an address that may do everything."""

    folder: Path
    admin: str
    port: int

    def address(self, service: str) -> str:
        files = f"cert={self.folder}/{service}.crt&key={self.folder}/{service}.key"
        return f"ssl://127.0.0.1:{self.port}?ca={self.folder}/ca.crt&{files}"


OPERATIONS = {"DescribeConfigs": "DESCRIBE_CONFIGS"}


def rights() -> list[AclBinding]:
    """The access control lists that Strimzi makes of the users."""
    made = []
    for user in kubernetes_manifests.load(
        kubernetes_manifests.FOLDER / "production" / "users.yaml"
    ):
        for acl in user["spec"]["authorization"]["acls"]:
            on = acl["resource"]
            pattern = {
                "literal": ResourcePatternType.LITERAL,
                "prefix": ResourcePatternType.PREFIXED,
            }[on.get("patternType", "literal")]
            # librdkafka calls the cluster a broker
            kind = "BROKER" if on["type"] == "cluster" else on["type"].upper()
            made += [
                AclBinding(
                    ResourceType[kind],
                    on.get("name", "kafka-cluster"),
                    pattern,
                    f"User:CN={user['metadata']['name']}",
                    "*",
                    AclOperation[OPERATIONS.get(operation, operation.upper())],
                    AclPermissionType.ALLOW,
                )
                for operation in acl["operations"]
            ]
    return made


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    folder = tmp_path_factory.mktemp("rights")
    authority = Authority(folder)
    for name in ("broker", *catalog.ON_KAFKA):
        authority.issue(name)
    port, controller_port, encrypted = free_ports(3)
    broker = server.broker(folder, port, controller_port)
    broker.prepare()
    clear = f"PLAINTEXT://127.0.0.1:{port},SSL://127.0.0.1:{encrypted}"
    lines = {
        "listeners": f"{clear},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": clear,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SSL:SSL,CONTROLLER:PLAINTEXT",
        "super.users": "User:ANONYMOUS",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.both"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.crt"),
    }
    with (broker.home / "server.properties").open("a") as properties:
        properties.write("".join(f"{name}={value}\n" for name, value in lines.items()))
    running = RunningBroker(
        broker.command, encrypted, folder / "kafka.log", is_listening, signal.SIGTERM
    )
    try:
        running.start()
        made = SecuredBroker(folder, f"127.0.0.1:{port}", encrypted)
        kafka.create_topics(made.admin, TOPICS, partitions=1)
        admin = AdminClient(client_settings(made.admin))
        for future in admin.create_acls(rights()).values():
            future.result(10)
        yield made
    finally:
        running.stop()


def writable(address: str) -> set[str]:
    """The topics that take a message from this address; only missing rights may refuse it."""
    taken, codes = set[str](), set[int]()

    def delivered(error: KafkaError | None, record: Message) -> None:
        if error is None:
            taken.add(str(record.topic()))
        else:
            codes.add(error.code())

    producer = kafka.producer(address)
    for topic in TOPICS:
        producer.produce(topic.name, b"{}", "key", on_delivery=delivered)
    with suppress(KafkaException):  # no rights at all are refused before a topic is named
        producer.flush(20)
    assert codes <= REFUSED
    return taken


def readable(address: str, group: str, wanted: set[str]) -> tuple[set[str], set[int]]:
    """The topics of which a message arrives, and the codes of refusals.

    Waits for the wanted topics, and one second more for any other.
    """
    consumer = Consumer(
        {**kafka.consumer_config(address, group, 3_000), "auto.offset.reset": "earliest"}
    )
    consumer.assign([TopicPartition(topic.name, 0, 0) for topic in TOPICS])
    found, until, codes = set[str](), time.monotonic() + 20, set[int]()
    while time.monotonic() < until:
        record = consumer.poll(0.2)
        if record is not None and (error := record.error()) is not None:
            codes.add(error.code())
        elif record is not None:
            found.add(str(record.topic()))
        if found >= wanted:
            until, wanted = min(until, time.monotonic() + 1), {"nothing more"}
    consumer.close()
    assert codes <= REFUSED
    return found, codes


def test_each_service_writes_to_its_topics_and_to_no_others(secured: SecuredBroker) -> None:
    taken = {service: writable(secured.address(service)) for service in catalog.ON_KAFKA}
    assert taken == {
        service: {topic.name for topic in TOPICS if topic.producer == service}
        for service in catalog.ON_KAFKA
    }


def test_each_service_reads_its_topics_and_no_others(secured: SecuredBroker) -> None:
    assert writable(secured.admin) == {topic.name for topic in TOPICS}
    for service in catalog.ON_KAFKA:
        may = {
            topic.name
            for topic in TOPICS
            if service in topic.consumers or topic in facts_of(service)
        }
        assert readable(secured.address(service), f"{service}.any", may)[0] == may, service


def test_a_service_that_publishes_facts_can_check_whether_its_database_is_whole(
    secured: SecuredBroker,
) -> None:
    writable(secured.admin)
    for service in catalog.QUARANTINABLE:
        found = restore.newest_own_messages(
            secured.address(service), OwnMessages(service), facts_of(service)
        )
        assert found.verified == [], "these are of an unknown client, but they can be read"


def test_each_service_can_read_the_settings_that_it_checks(secured: SecuredBroker) -> None:
    for service in catalog.ON_KAFKA:
        found = check_broker(secured.address(service), catalog.find(service).topics, 1)
        sentences = {name: sentence for name, sentence in found.items() if sentence}
        assert "ours is 1:" in sentences.pop("limits of the broker"), service
        assert all("1 partitions instead of" in sentence for sentence in sentences.values())
        for topic in catalog.find(service).topics:
            found = kafka.effective_settings(secured.address(service), topic.name)
            assert found["retention.ms"] == "-1"


def test_a_consumer_joins_its_group_and_commits(secured: SecuredBroker) -> None:
    assert "status-events" in writable(secured.admin)
    source = kafka_source.KafkaSource(
        secured.address("ledger"),
        "ledger.status-events",
        "status-events",
        lambda _, __, numbers: dict.fromkeys(numbers, 0),
    )
    until = time.monotonic() + 20
    while not (messages := source.poll()) and time.monotonic() < until:
        pass
    assert messages
    source.commit(messages)
    place = TopicPartition("status-events", 0)
    while source.consumer.committed([place], timeout=5)[0].offset < 1 and time.monotonic() < until:
        time.sleep(0.1)
    assert source.consumer.committed([place], timeout=5)[0].offset == messages[-1].offset + 1
    source.close()


def test_nobody_joins_the_group_of_another(secured: SecuredBroker) -> None:
    consumer = Consumer(
        kafka.consumer_config(secured.address("ledger"), "reports.status-events", 3_000)
    )
    consumer.subscribe(["status-events"])
    until, codes = time.monotonic() + 20, set[int]()
    while not codes and time.monotonic() < until:
        record = consumer.poll(1)
        if record is not None and (error := record.error()) is not None:
            codes.add(error.code())
    consumer.close()
    assert codes == {KafkaError.GROUP_AUTHORIZATION_FAILED}


@pytest.mark.parametrize("service", catalog.REBUILDABLE)
def test_a_projection_can_be_rebuilt(secured: SecuredBroker, service: str) -> None:
    writable(secured.admin)
    may = {topic.name for topic in TOPICS if service in topic.consumers}
    found, refused = readable(secured.address(service), "rebuild", may)
    assert found >= may
    assert KafkaError.GROUP_AUTHORIZATION_FAILED not in refused  # which ends a rebuild


def test_the_live_view_reads_from_an_encrypted_broker(secured: SecuredBroker) -> None:
    writable(secured.admin)
    live = LiveView(secured.address("reports"), lambda _: None)
    live.requested.set()
    loop = asyncio.new_event_loop()
    task = loop.create_task(live.supervise())

    def follow() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=follow)
    thread.start()
    until = time.monotonic() + 40
    while {topic for topic, _ in live.next_offset} != {
        topic.name for topic in LIVE_TOPICS
    } and time.monotonic() < until:
        time.sleep(0.2)
    loop.call_soon_threadsafe(task.cancel)
    thread.join(20)
    loop.close()
    assert {topic for topic, _ in live.next_offset} == {topic.name for topic in LIVE_TOPICS}
