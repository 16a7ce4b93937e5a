"""Where Kafka is and who we are there: `host:port[,…]` in clear, or `ssl://host:port[,…]?ca=FILE&cert=FILE&key=FILE` with certificates on both sides."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

FILES = ("ca", "cert", "key")


@dataclass(frozen=True)
class KafkaAddress:
    """An address as the clients need it. The files are read by them at each start; no secret is in it."""

    hosts: str
    ca: str = ""
    cert: str = ""
    key: str = ""

    @classmethod
    def parse(cls, address: str) -> "KafkaAddress":
        """Read an address.

        Raises:
            ValueError: it is neither of the two forms; a file that is not named would mean a server nobody checks.
        """
        if "://" not in address:
            return cls(address)
        parts = urlsplit(address)
        files = dict(parse_qsl(parts.query))
        if parts.scheme != "ssl" or not parts.netloc or set(files) != set(FILES):
            raise ValueError(
                "Kafka's address is host:port, or ssl://host:port?ca=FILE&cert=FILE&key=FILE"
            )
        return cls(parts.netloc, **files)

    @property
    def client(self) -> dict[str, str]:
        """The part of librdkafka's settings that says where and who."""
        if not self.ca:
            return {"bootstrap.servers": self.hosts}
        return {
            "bootstrap.servers": self.hosts,
            "security.protocol": "ssl",
            "ssl.ca.location": self.ca,
            "ssl.certificate.location": self.cert,
            "ssl.key.location": self.key,
        }


def client_settings(address: str) -> dict[str, str | int | float | bool]:
    """`Broker.parse(address).client`."""
    return {**KafkaAddress.parse(address).client}
