"""The tables `notification_channel` and `notification_choice`: where people want to be told."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.gateway.domain.notifications import Language

CHANNELS_MAX = 10  # of one person
TEST_EVERY_S = 10


@dataclass(frozen=True)
class SealedChannel:
    """Where to deliver: the encrypted address of a channel, and its secret if it is a webhook."""

    channel_id: UUID
    person: str
    service: str  # of the settings; "" for a webhook
    language: Language
    sealed_address: str
    sealed_secret: str


@dataclass(frozen=True)
class Channel(SealedChannel):
    """A channel with its name, and with what is shown of its address: the host."""

    name: str
    place: str


def insert_channel(connection: Connection, channel: Channel) -> bool:
    """Add a channel; False if the person has CHANNELS_MAX already. Ids are random."""
    added = run(
        connection,
        """
        INSERT INTO notification_channel (
            channel_id, person, name, service, language, place, sealed_address, sealed_secret)
        SELECT :channel_id, :person, :name, :service, :language, :place,
               :sealed_address, :sealed_secret
        WHERE (
            SELECT count(*)
            FROM notification_channel
            WHERE person = :person AND removed_at IS NULL) < :channels_max
        RETURNING 1""",
        **asdict(channel),
        channels_max=CHANNELS_MAX,
    )
    return added.first() is not None


def list_channels(connection: Connection, person: str) -> list[dict[str, Any]]:
    """A person's channels with their choices, the oldest first. Never an address or a secret."""
    rows = run(
        connection,
        """
        SELECT c.channel_id, c.name, c.service, c.language, c.place, c.created_at,
               ARRAY(
                   SELECT kind
                   FROM notification_choice o
                   WHERE o.channel_id = c.channel_id
                   ORDER BY kind) AS events
        FROM notification_channel c
        WHERE c.person = :person AND c.removed_at IS NULL
        ORDER BY c.created_at, c.channel_id""",
        person=person,
    )
    return [dict(row) for row in rows.mappings()]


def find_channel(connection: Connection, channel_id: UUID, person: str) -> Channel | None:
    """A person's channel; None if there is none, or it was removed."""
    found = run(
        connection,
        """
        SELECT channel_id, person, name, service, language, place, sealed_address, sealed_secret
        FROM notification_channel
        WHERE channel_id = :channel_id AND person = :person AND removed_at IS NULL""",
        channel_id=channel_id,
        person=person,
    )
    row = found.mappings().first()
    return None if row is None else Channel(**row)


def replace_choices(connection: Connection, channel_id: UUID, kinds: Iterable[str]) -> None:
    """Set what a channel is told. A second call changes nothing."""
    run(
        connection,
        "DELETE FROM notification_choice WHERE channel_id = :channel_id",
        channel_id=channel_id,
    )
    run(
        connection,
        """
        INSERT INTO notification_choice (channel_id, kind)
        SELECT :channel_id, kind
        FROM unnest(CAST(:kinds AS text[])) AS kind""",
        channel_id=channel_id,
        kinds=sorted(set(kinds)),
    )


def claim_test(connection: Connection, channel_id: UUID) -> bool:
    """Record that a channel is tested now; False if it was within TEST_EVERY_S seconds."""
    return (
        run(
            connection,
            """
            UPDATE notification_channel
            SET tested_at = now()
            WHERE channel_id = :channel_id
              AND (tested_at IS NULL
                   OR tested_at < now() - make_interval(secs => :every_s))
            RETURNING 1""",
            channel_id=channel_id,
            every_s=TEST_EVERY_S,
        ).first()
        is not None
    )


def remove_channel(connection: Connection, channel_id: UUID, person: str) -> bool:
    """End a channel: its address and secret are forgotten, and what waits for it is dropped.

    A second call finds none and returns False.
    """
    removed = run(
        connection,
        """
        UPDATE notification_channel
        SET removed_at = now(), sealed_address = '',
            sealed_secret = CASE WHEN service = '' THEN 'removed' ELSE '' END
        WHERE channel_id = :channel_id AND person = :person AND removed_at IS NULL
        RETURNING 1""",
        channel_id=channel_id,
        person=person,
    ).first()
    if removed is None:
        return False
    run(
        connection,
        "DELETE FROM notification_choice WHERE channel_id = :channel_id",
        channel_id=channel_id,
    )
    run(
        connection,
        """
        UPDATE notification_delivery
        SET status = 'dropped', reason = 'removed', changed_at = now()
        WHERE channel_id = :channel_id AND status = 'waiting'""",
        channel_id=channel_id,
    )
    return True


def list_people_with_choices(connection: Connection) -> list[str]:
    """Everyone who has a channel that is told anything."""
    rows = run(
        connection,
        """
        SELECT DISTINCT person
        FROM notification_channel
        JOIN notification_choice USING (channel_id)
        WHERE removed_at IS NULL""",
    )
    return list(rows.scalars())
