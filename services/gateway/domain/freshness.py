"""As of when the figures of a service are, and which part of the way to it stands behind.

Figures are complete up to a moment if every event until then was published by its producer and
applied by its reader. An older moment is an older figure, whoever is the reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from libs.common.contracts.topics import PROVIDER_EVENTS, TOPICS

#: Younger figures need no word: they are as new as people can read.
LATELY: Final = timedelta(seconds=30)
READERS: Final = ("ingest", "dispatcher", "ledger", "reports")
Step = Literal["publish", "apply", "answer"]


@dataclass(frozen=True)
class Flow:
    """What a service says about itself, in seconds.

    Args:
        applied_age_s: by topic, how old what it has applied is; None: it never caught up.
        outbox_age_s: the age of its oldest event that is not published; 0 if there is none.
    """

    applied_age_s: Mapping[str, float | None]
    outbox_age_s: float


@dataclass(frozen=True)
class Heard:
    """The newest answer of a service, and when it came."""

    flow: Flow
    at: datetime


@dataclass(frozen=True)
class Part:
    """A part of the way, and until when it let everything through; None: that is not known."""

    service: str
    step: Step
    topic: str
    until: datetime | None


def freshness(heard: Mapping[str, Heard], now: datetime) -> list[dict[str, Any]]:
    """For each service whose figures come from topics: `as_of`, and the parts that stand behind.

    Args:
        heard: the newest answer of each service; one that never answered is missing.
    """
    found = []
    for reader in READERS:
        parts = sorted(set(_parts(reader, heard)), key=_oldest_first)
        behind = [part for part in parts if part.until is None or now - part.until > LATELY]
        silent = {part.service for part in behind if part.step == "answer"}
        found.append(
            {
                "service": reader,
                "as_of": parts[0].until,
                "behind": [
                    {
                        "service": part.service,
                        "step": part.step,
                        "topic": part.topic,
                        "since": part.until,
                    }
                    for part in behind
                    # of a service that is away nothing else is known
                    if part.step == "answer" or part.service not in silent
                ],
            }
        )
    return found


def _parts(reader: str, heard: Mapping[str, Heard]) -> Iterator[Part]:
    """Every part of the way to a reader, those that are in order as well."""
    yield _answering(reader, heard)
    for topic in TOPICS:
        if reader not in topic.consumers or topic is PROVIDER_EVENTS:
            continue  # a webhook is a hint: no figure comes from it
        yield _answering(topic.producer, heard)
        if topic.producer in heard:
            producer = heard[topic.producer]
            outbox_age = timedelta(seconds=producer.flow.outbox_age_s)
            yield Part(topic.producer, "publish", "", producer.at - outbox_age)
        if reader in heard:
            age_s = heard[reader].flow.applied_age_s.get(topic.name)
            applied = None if age_s is None else heard[reader].at - timedelta(seconds=age_s)
            yield Part(reader, "apply", topic.name, applied)


def _answering(service: str, heard: Mapping[str, Heard]) -> Part:
    return Part(service, "answer", "", heard[service].at if service in heard else None)


def _oldest_first(part: Part) -> tuple[bool, float, str, str, str]:
    known = part.until is not None
    at = part.until.timestamp() if part.until is not None else 0.0
    return known, at, part.service, part.step, part.topic
