"""Sends a text by e-mail or chat, through the services that the settings name by URL (Apprise).

People choose one of these services and may give an address; they never give a URL.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from urllib.parse import quote

from services.gateway.notifications.outcome import SENT, Outcome

ADDRESS = "{address}"  # in a service's URL: where the person's own address goes
ADDRESS_PATTERN = r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}$"
ATTEMPT_S = 30.0
CONNECT_S, READ_S = 5, 10
#: (url, title, body) -> whether the service has accepted; None: the URL names no service.
Notify = Callable[[str, str, str], bool | None]


def needs_address(service_url: str) -> bool:
    """Whether a service sends to an address of each person."""
    return ADDRESS in service_url


def is_address(text: str) -> bool:
    """Whether a text is an e-mail address as we take it."""
    return re.fullmatch(ADDRESS_PATTERN, text) is not None


def notify_with_apprise(url: str, title: str, body: str) -> bool | None:
    """Send one text. Apprise writes URLs and addresses into its log, so it has none here."""
    import apprise  # noqa: PLC0415 - 100 plug-ins are loaded with it, where a service is set only

    logging.getLogger("apprise").disabled = True
    service = apprise.Apprise.instantiate(url)
    if service is None:
        return None
    return bool(service.notify(title=title, body=body))


@dataclass(frozen=True)
class MessageClient:
    """Sends texts.

    Args:
        services: the URL of each service by its name.
    """

    services: Mapping[str, str]
    executor: Executor
    notify: Notify = notify_with_apprise

    async def send(self, service: str, address: str, title: str, body: str) -> Outcome:
        """Make one attempt; its result is waited for at most ATTEMPT_S seconds."""
        url = self.services.get(service)
        if url is None:
            return Outcome("service", is_final=True)
        whole = url.replace(ADDRESS, quote(address, safe=""))
        whole += f"{'&' if '?' in whole else '?'}cto={CONNECT_S}&rto={READ_S}"
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self.executor, self.notify, whole, title, body)
        try:
            accepted = await asyncio.wait_for(work, ATTEMPT_S)
        except TimeoutError:
            return Outcome("timeout")
        except Exception:  # noqa: BLE001 - a plug-in's bug must end neither the loop nor the API
            return Outcome("refused")
        if accepted is None:
            return Outcome("service", is_final=True)
        return SENT if accepted else Outcome("refused")
