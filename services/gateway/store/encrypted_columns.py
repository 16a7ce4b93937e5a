"""Queries that find encrypted values in this database: addresses and secrets of channels."""

#: At least one value for each key, fast enough for a start.
SAMPLES = """
    SELECT sealed_address AS sealed, 'notification_address' AS field,
           CAST(channel_id AS text) AS row_id
    FROM notification_channel
    WHERE removed_at IS NULL"""
#: All encrypted values, by table.
ALL_VALUES = {
    "notification_channel": """
        SELECT unnest(ARRAY[sealed_address, sealed_secret])
        FROM notification_channel
        WHERE removed_at IS NULL""",
}
