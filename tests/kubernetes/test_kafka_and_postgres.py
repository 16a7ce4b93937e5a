"""Kafka's topics, rights and certificates agree with the code; nothing acknowledged can be lost."""

from libs.common.contracts.topics import CONFIG, PARTITIONS, TOPICS, facts_of
from libs.common.messaging.address import KafkaAddress
from services import catalog
from tests.kubernetes.rendered import environment, of

Rights = dict[tuple[str, str, str], set[str]]


def test_every_topic_is_a_resource_that_keeps_facts_for_ever() -> None:
    made = of("production", "KafkaTopic")
    assert set(made) == {topic.name for topic in TOPICS}
    for topic in made.values():
        spec = topic["spec"]
        assert (spec["partitions"], spec["replicas"]) == (PARTITIONS, 3)
        wanted = {**CONFIG, "min.insync.replicas": "2", "unclean.leader.election.enable": "False"}
        assert {key: str(value) for key, value in spec["config"].items()} == wanted


def test_each_user_of_kafka_may_do_what_the_table_of_topics_says_and_nothing_else() -> None:
    users = {
        name: {
            tuple(acl["resource"].get(part, "") for part in ("type", "name", "patternType")): set(
                acl["operations"]
            )
            for acl in user["spec"]["authorization"]["acls"]
        }
        for name, user in of("production", "KafkaUser").items()
    }
    wanted = {name: rights_of(catalog.find(name)) for name in catalog.ON_KAFKA}
    wanted["reports"]["group", "live-", "prefix"] = {"Read", "Delete"}  # the live view's groups
    assert users == wanted


def rights_of(service: catalog.CatalogEntry) -> Rights:
    rights: Rights = {("cluster", "", ""): {"DescribeConfigs"}}
    for topic in service.topics_out:
        own = {"Read"} if topic in facts_of(service.name) else set[str]()
        rights["topic", topic.name, "literal"] = {"Describe", "DescribeConfigs", "Write", *own}
    for topic in service.topics_in:
        rights["topic", topic.name, "literal"] = {"Describe", "DescribeConfigs", "Read"}
        rights["group", f"{service.name}.", "prefix"] = {"Read"}
    if service.rebuildable:
        rights["group", "rebuild", "literal"] = {"Read"}
    return rights


def test_a_message_is_on_two_brokers_before_it_is_acknowledged() -> None:
    kafka = of("production", "Kafka")["paydown"]["spec"]["kafka"]
    pools = {
        name: (pool["spec"]["replicas"], pool["spec"]["roles"])
        for name, pool in of("production", "KafkaNodePool").items()
    }
    assert pools == {"controllers": (3, ["controller"]), "brokers": (3, ["broker"])}
    config = kafka["config"]
    assert config["min.insync.replicas"] == 2
    assert config["default.replication.factor"] == 3
    assert config["unclean.leader.election.enable"] is False
    assert kafka["authorization"] == {"type": "simple"}
    assert [listener["authentication"]["type"] for listener in kafka["listeners"]] == ["tls"]


def test_kafkas_certificates_are_mounted_where_the_address_says() -> None:
    for name in catalog.ON_KAFKA:
        resource = of("production", "Deployment")[name]
        broker = KafkaAddress.parse(environment(resource)[f"PAYDOWN_{name.upper()}_KAFKA"])
        (volume,) = [
            v for v in resource["spec"]["template"]["spec"]["volumes"] if v["name"] == "kafka"
        ]
        paths = {
            f"/run/kafka/{item['path']}"
            for source in volume["projected"]["sources"]
            for item in source["secret"]["items"]
        }
        assert paths == {broker.ca, broker.cert, broker.key}
        assert [source["secret"]["name"] for source in volume["projected"]["sources"]] == [
            "paydown-cluster-ca-cert",
            name,
        ]


def test_a_commit_waits_for_a_second_server_and_backups_reach_back() -> None:
    cluster = of("production", "Cluster")["paydown-postgres"]["spec"]
    assert cluster["instances"] == 3
    assert cluster["postgresql"]["synchronous"] == {
        "method": "any",
        "number": 1,
        "dataDurability": "required",
    }
    (plugin,) = cluster["plugins"]
    assert plugin["isWALArchiver"]
    assert plugin["parameters"]["barmanObjectName"] in of("production", "ObjectStore")
    (backup,) = of("production", "ScheduledBackup").values()
    assert (backup["spec"]["method"], backup["spec"]["cluster"]["name"]) == (
        "plugin",
        "paydown-postgres",
    )
