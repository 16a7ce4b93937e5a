import pytest

from libs.common.messaging.address import KafkaAddress, client_settings


def test_an_address_in_clear_is_where_kafka_is() -> None:
    assert client_settings("a:1,b:2") == {"bootstrap.servers": "a:1,b:2"}


def test_an_encrypted_address_names_the_files_of_both_sides() -> None:
    assert client_settings("ssl://a:1,b:2?ca=/c&cert=/d&key=/e") == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "ssl",
        "ssl.ca.location": "/c",
        "ssl.certificate.location": "/d",
        "ssl.key.location": "/e",
    }


@pytest.mark.parametrize(
    "address",
    [
        "ssl://a:1",
        "ssl://a:1?ca=/c",
        "ssl://?ca=/c&cert=/d&key=/e",
        "tls://a:1?ca=/c&cert=/d&key=/e",
        "ssl://a:1?ca=/c&cert=/d&key=/e&verify=no",
        "ssl://a:1?ca=&cert=/d&key=/e",
    ],
)
def test_anything_else_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="Kafka's address"):
        KafkaAddress.parse(address)
