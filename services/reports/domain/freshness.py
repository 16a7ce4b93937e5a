"""As of when a report is, and how far the read model stood behind its topics then, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.reports.domain.formats import format_instant

#: Younger figures need no word: they are as new as people can read.
LATELY_S = 30.0


@dataclass(frozen=True)
class Freshness:
    """How far the read model is, as it was last measured.

    Args:
        lags: messages that were not applied, by the topic's consumer; empty: never measured.
        age_s: how long ago that was measured.
        flow_age_s: since when the slowest consumer has not moved, with messages to read.
        applied_age_s: how old the moment is until which everything published is applied; None if
            there was none since the start.
    """

    lags: Mapping[str, int]
    age_s: float
    flow_age_s: float
    applied_age_s: float | None = None


def freshness_lines(found: Freshness, now: datetime) -> dict[str, str]:
    """`as_of`, and `behind`: which part stands behind and since when; "" if none does.

    `as_of` is the moment until which everything published is applied; "" if it is not known.
    """
    lines = {"as_of": "", "behind": ""}
    if found.applied_age_s is not None:
        lines["as_of"] = format_instant(now - timedelta(seconds=found.applied_age_s))
    if not found.lags:
        lines["behind"] = "It is not known whether messages were still to be applied."
        return lines
    parts = [
        f"{lag} messages of {consumer.rpartition('.')[2]}"
        for consumer, lag in sorted(found.lags.items())
        if lag
    ]
    if parts:
        lines["behind"] = f"Not applied yet: {', '.join(parts)}."
        if found.flow_age_s > LATELY_S:
            since = format_instant(now - timedelta(seconds=found.flow_age_s))
            lines["behind"] += f" Nothing has been applied since {since}."
    if found.age_s > LATELY_S:
        measured = format_instant(now - timedelta(seconds=found.age_s))
        lines["behind"] += f" How much was to be applied was last known at {measured}."
    lines["behind"] = lines["behind"].strip()
    return lines
