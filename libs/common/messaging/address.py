"""Kafka's address, with the files of a client certificate if the connection is encrypted.

`host:port[,…]` in clear, or `ssl://host:port[,…]?ca=FILE&cert=FILE&key=FILE` with certificates on
both sides.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

FILES = ("ca", "cert", "key")
#: A stall of the machine up to 5 s costs no session; a consumer that died is replaced after 6 s.
SESSION_TIMEOUT_MS = 6_000


@dataclass(frozen=True)
class KafkaAddress:
    """An address in parts. Clients read the files at each start; it contains no secret."""

    hosts: str
    ca: str = ""
    cert: str = ""
    key: str = ""

    @classmethod
    def parse(cls, address: str) -> "KafkaAddress":
        """Read an address.

        Raises:
            ValueError: it has neither of the two forms. All three files are required: without
                the authority's, nothing would verify the server.
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
        """librdkafka's settings for this address."""
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
    """librdkafka's settings for an address written as text.

    Raises:
        ValueError: see KafkaAddress.parse.
    """
    return {**KafkaAddress.parse(address).client}
