"""Queries that find encrypted values in this database: the names printed in payments.csv."""

#: At least one value for each key a batch was encrypted under, fast enough for a start.
SAMPLES = """
    SELECT r.first_name AS sealed, 'first_name' AS field, CAST(r.row_id AS text) AS row_id
    FROM batch b
    CROSS JOIN LATERAL (
        SELECT row_id, first_name
        FROM file_row f
        WHERE f.batch_id = b.batch_id AND first_name <> ''
        LIMIT 1
    ) r"""
#: All encrypted values, by table.
ALL_VALUES = {
    "file_row": "SELECT unnest(ARRAY[first_name, last_name]) FROM file_row",
}
