"""People are found by name or id, rows by person or loan, branches and source accounts by id.

A trigger keeps the words of every row, whoever inserts it: reading a file, a child batch, a
recovery, or an older version of the service beside this one.
"""

from alembic import op

revision = "ingest_0010"
down_revision = "ingest_0009"

# The words of a text as they are compared: Unicode NFKD without accents, in lower case, without
# apostrophes, full stops and commas, split at spaces and dashes.
WORDS = """
CREATE FUNCTION search_words(given text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT word
    FROM regexp_split_to_table(
        lower(regexp_replace(
            normalize(given, NFKD), U&'[\\0300-\\036F''\\2018\\2019\\02BC`.,]', '', 'g')),
        U&'[ \\0009\\000A\\2010-\\2015-]+') AS word
    WHERE word <> ''
$$"""

# In clear, as names and ids are in `batch_row`. The collation "C" lets LIKE 'gar%' use the key.
TERM = """
CREATE TABLE person_term (
    term text COLLATE "C" NOT NULL,
    person_key text NOT NULL,
    PRIMARY KEY (term, person_key)
)"""
FILL = """
INSERT INTO person_term (term, person_key)
SELECT DISTINCT w.word, r.person_key
FROM (
    SELECT DISTINCT first_name, last_name, person_key
    FROM batch_row
    WHERE person_key <> ''
) r
CROSS JOIN LATERAL (
    SELECT search_words(r.first_name || ' ' || r.last_name)
    UNION ALL
    SELECT r.person_key
) AS w(word)"""

# Terms are inserted in one order, so that two files that are read at once do not deadlock.
INSERTED = """
CREATE FUNCTION person_terms_of_rows() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO person_term (term, person_key)
    SELECT DISTINCT w.word, r.person_key
    FROM (
        SELECT DISTINCT first_name, last_name, person_key
        FROM fresh
        WHERE person_key <> ''
    ) r
    CROSS JOIN LATERAL (
        SELECT search_words(r.first_name || ' ' || r.last_name)
        UNION ALL
        SELECT r.person_key
    ) AS w(word)
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$"""
INSERTED_TRIGGER = """
CREATE TRIGGER person_terms_of_rows AFTER INSERT ON batch_row REFERENCING NEW TABLE AS fresh
FOR EACH STATEMENT EXECUTE FUNCTION person_terms_of_rows()"""
FILLED = """
CREATE FUNCTION person_terms_of_row() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO person_term (term, person_key)
    SELECT DISTINCT w.word, NEW.person_key
    FROM (
        SELECT search_words(NEW.first_name || ' ' || NEW.last_name)
        UNION ALL
        SELECT NEW.person_key
    ) AS w(word)
    ORDER BY 1
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$"""
FILLED_TRIGGER = """
CREATE TRIGGER person_terms_of_row AFTER UPDATE ON batch_row FOR EACH ROW
WHEN (OLD.person_key = '' AND NEW.person_key <> '') EXECUTE FUNCTION person_terms_of_row()"""

INDEXES = (
    "CREATE INDEX batch_row_person ON batch_row (person_key) WHERE person_key <> ''",
    "CREATE INDEX batch_row_loan ON batch_row (loan_key) WHERE loan_key <> ''",
    "CREATE INDEX batch_total_found ON batch_total (kind, lower(id) text_pattern_ops)",
)


def upgrade() -> None:
    # Functions keep the search path they are created with. A temporary table of the same name must
    # not come before the real one.
    op.execute(
        "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    )
    statements = (WORDS, TERM, FILL, INSERTED, INSERTED_TRIGGER, FILLED, FILLED_TRIGGER, *INDEXES)
    for statement in statements:
        op.execute(statement)
