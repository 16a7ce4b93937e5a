"""The tables of messaging, for tests and benchmarks that work without a service's migrations.

Every service that reads or writes topics has them, written out in its own frozen migrations.
"""

INBOX = """
CREATE TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (consumer, event_id)
)"""

CONSUMER_OFFSET = """
CREATE TABLE consumer_offset (
    consumer text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    topic_id text NOT NULL DEFAULT '',
    PRIMARY KEY (consumer, topic, partition)
)"""

DEAD_LETTER = """
CREATE TABLE dead_letter (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    message_offset bigint NOT NULL,
    event_id uuid,
    message_key text,
    message_type text,
    correlation text NOT NULL DEFAULT '',
    body bytea NOT NULL,
    signature bytea,
    code text NOT NULL,
    reason text NOT NULL,
    buried_at timestamptz NOT NULL DEFAULT now(),
    redriven_at timestamptz,
    redriven_by text,
    UNIQUE (consumer, topic, partition, message_offset)
)"""

# Rows are marked as published and never deleted: a broker that lost its topics is filled from them.
OUTBOX = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    topic text NOT NULL,
    message_key text NOT NULL,
    message_type text NOT NULL,
    correlation text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz
)"""
OUTBOX_INDEX = "CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL"

MESSAGING = (INBOX, CONSUMER_OFFSET, DEAD_LETTER, OUTBOX, OUTBOX_INDEX)

# One row for each quarantine. Nothing is decided on the database while one is not released.
RESTORED = """
CREATE TABLE restored (
    restored_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    noticed_at timestamptz NOT NULL DEFAULT now(),
    why text NOT NULL,
    first_outbox_id bigint NOT NULL,              -- recovered messages lie above it
    progress text NOT NULL DEFAULT '',
    settled_at timestamptz,                       -- everything is recovered: may be released
    proposed_by text,
    released_by text CHECK (released_by <> ''),
    reason text NOT NULL DEFAULT '',
    released_at timestamptz,
    CHECK ((released_by IS NULL) = (released_at IS NULL)),
    CHECK (
        released_by IS NULL
        OR (settled_at IS NOT NULL AND proposed_by IS NOT NULL AND proposed_by <> released_by)
    )
)"""
RESTORED_HELD = "CREATE UNIQUE INDEX restored_held ON restored ((true)) WHERE released_at IS NULL"
