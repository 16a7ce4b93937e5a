"""The secrets of one installation: made at random once, kept in files.

`keys.json` holds them all. Each container gets a folder that holds only its own, one file for each
setting (`PAYDOWN_<SERVICE>_<SETTING>_FILE`).
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from libs.common.crypto.field_encryption import new_key
from libs.common.crypto.message_signatures import public_keys
from ops import provision
from ops.errors import CommandError
from ops.private_files import write_private
from services import catalog
from services.catalog import CatalogEntry

ADMIN = "paydown_admin"
SIMULATOR_PROVIDER_KEY = "sk_local"  # the simulator takes any; replace it for a real provider
READABLE_BY_ALL = 0o444  # each folder is a volume that only its container mounts


@dataclass(frozen=True)
class Secrets:
    """What the processes of one installation share.

    Without the seal keys the personal fields on the topics cannot be read by anybody.
    """

    seal_keys: str  # id:base64 of 256 bits, and of what the keys of people are derived from
    index_key: str  # base64, 256 bits
    internal_token: str
    webhook_secret: str
    database_secret: str  # the password of every database role is derived from it
    #: Ed25519 private keys by service; the public ones are derived from them.
    signing_keys: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load_or_create(cls, folder: Path) -> "Secrets":
        """The secrets in `keys.json` of a folder; the first call makes them."""
        file = folder / "keys.json"
        if not file.exists():
            made = cls(
                seal_keys=f"local-1:{new_key()}",
                index_key=random_base64(),
                internal_token=secrets.token_urlsafe(32),
                webhook_secret=secrets.token_urlsafe(32),
                database_secret=secrets.token_urlsafe(32),
                signing_keys={name: new_signing_key(name) for name in catalog.SIGNING},
            )
            write_private(file, json.dumps(asdict(made), indent=1))
        found = json.loads(file.read_text())
        if missing := [name for name in catalog.SIGNING if name not in signing_keys_of(found)]:
            # made before messages, or calls, were signed
            found["signing_keys"] = signing_keys_of(found) | {
                name: new_signing_key(name) for name in missing
            }
            write_private(file, json.dumps(found, indent=1))
        return cls(**found)

    def settings_of(self, service: CatalogEntry, database_url: str) -> dict[str, str]:
        """{setting: value} of the secrets that the catalog names for a service."""
        values = {
            "database_url": database_url,
            "internal_token": self.internal_token,
            "seal_keys": self.seal_keys,
            "index_key": self.index_key,
            "provider_key": SIMULATOR_PROVIDER_KEY,
            "webhook_secret": self.webhook_secret,  # the dispatcher's name for it
            "secret": self.webhook_secret,  # the webhook receiver's name for it
            "signing_keys": self.signing_keys.get(service.name, ""),
            "public_keys": public_keys(self.signing_keys),
        }
        return {name: values[name] for name in service.secrets}


def make_secrets(folder: Path, postgres: str) -> None:
    """Write the secrets of all containers. A second call changes no secret that is there.

    It adds one thing to files that are there: public keys of services that have none in them yet.
    A public key that was removed stays away, and one that was given by hand stays.

    Args:
        folder: gets one folder for each container, and `keys` with the file of all secrets.
        postgres: host and port of the PostgreSQL server, as the containers reach it.

    Raises:
        CommandError: the folder cannot be written.
    """
    try:
        (folder / "keys").mkdir(exist_ok=True)
        made = Secrets.load_or_create(folder / "keys")
        admin_url = f"postgresql://{ADMIN}:{made.database_secret}@{postgres}/postgres"
        urls = {
            service.name: provision.urls(
                admin_url, service.name, catalog.DATABASE_PREFIX, made.database_secret
            )
            for service in catalog.SERVICES
        }
        _write_missing(folder / "postgres", {"password": made.database_secret})
        _write_missing(
            folder / "databases",
            {"database_url": admin_url, "database_secret": made.database_secret},
        )
        _write_missing(
            folder / "migrate",
            {f"{name}_owner_url": owner_url for name, (_, owner_url) in urls.items()},
        )
        for service in catalog.SERVICES:
            service_url, _ = urls[service.name]
            values = made.settings_of(service, service_url)
            _write_missing(folder / service.name, values)
            if "public_keys" in values:
                _add_public_keys(folder / service.name / "public_keys", values["public_keys"])
    except OSError as error:
        raise CommandError(f"the secrets cannot be written to {folder}: {error.strerror}") from None


def _add_public_keys(file: Path, derived: str) -> None:
    """Add the keys of services that have none in the file; those that began to sign since.

    A key of any other service is not added: it may have been removed because it was stolen.
    """
    found = [entry.strip() for entry in file.read_text().split(",") if entry.strip()]
    have = {entry.partition("/")[0] for entry in found}
    added = [entry for entry in derived.split(",") if entry.partition("/")[0] not in have]
    if added:
        write_for_container(file, ",".join([*found, *added]))


def write_for_container(file: Path, text: str) -> None:
    """Replace a file at once by one that every user of its container may read."""
    write_private(file, text)
    file.chmod(READABLE_BY_ALL)


def new_signing_key(service: str) -> str:
    """The first signing key of a service, as its setting has it."""
    return f"{service}-1:{random_base64()}"


def signing_keys_of(everything: Mapping[str, Any]) -> dict[str, str]:  # Any: JSON
    """The signing keys in a `keys.json`; none in one that is older than they are."""
    return dict(everything.get("signing_keys", {}))


def random_base64() -> str:
    """256 random bits."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _write_missing(folder: Path, values: dict[str, str]) -> None:
    """One file for each secret; one that is there stays as it is."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    for name, value in values.items():
        if not (folder / name).exists():
            write_for_container(folder / name, value)
