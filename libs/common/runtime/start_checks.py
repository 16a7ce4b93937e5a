"""What a service checks before it serves; what cannot work ends it with one sentence, code 2."""

import socket
import sys
from collections.abc import Collection
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.errors import SettingsError
from libs.common.crypto.message_key_check import (
    why_cannot_call,
    why_cannot_publish,
    why_cannot_verify,
)
from libs.common.database import migrate, pooler
from libs.common.observability.logs import log
from libs.common.runtime.settings import ServiceSettings
from libs.common.web.call_signatures import GATEWAY


def check_keys(
    name: str, settings: ServiceSettings, producers: Collection[str], *, is_gateway: bool
) -> None:
    """Exit if what the service sends, or what it reads, would be refused for its signature.

    Args:
        producers: the services whose messages it reads.
        is_gateway: it calls the other services; else the gateway calls it.
    """
    wrong = (
        why_cannot_publish(name, settings.signer, settings.verifier)
        or why_cannot_verify(name, settings.verifier, producers)
        or _why_calls_are_refused(name, settings, is_gateway=is_gateway)
    )
    if wrong:
        _exit(name, wrong)
    if settings.accept_unsigned:
        log.warning("unsigned_messages_accepted")


def _why_calls_are_refused(name: str, settings: ServiceSettings, *, is_gateway: bool) -> str:
    if is_gateway:
        return "" if settings.signer else why_cannot_call(name)
    if settings.accept_unsigned:
        return ""
    return why_cannot_verify(name, settings.verifier, {GATEWAY})


def check_schema(name: str, engine: Engine, migrations: Path) -> None:
    """Exit if a newer version changed the database; one that is away is waited for later."""
    try:
        migrate.refuse_newer(engine, migrations)
    except migrate.SchemaTooNew as error:
        _exit(name, str(error))
    except (SQLAlchemyError, OSError):
        pass


def check_pooler(name: str, engine: Engine) -> bool:
    """Exit if a pooler shares sessions.

    Returns:
        False if the database is away: it must be asked later.
    """
    try:
        pooler.refuse_shared_sessions(engine)
    except SettingsError as error:
        _exit(name, str(error))
    except (SQLAlchemyError, OSError):
        return False
    return True


def listen(name: str, settings: ServiceSettings) -> socket.socket:
    """A socket on the service's port; exit if it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        _exit(
            name,
            f"port {settings.port} cannot be used ({error.strerror}); "
            f"set PAYDOWN_{name.upper()}_PORT.",
        )
    return listener


def _exit(name: str, sentence: str) -> None:
    sys.stderr.write(f"{name}: {sentence}\n")
    sys.exit(2)
