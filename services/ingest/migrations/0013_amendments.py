"""Amendments: decisions of people that settle what is right about rows before the approval.

`accept`: a changed birth date, name or phone is the person's own. `mend`: an institution gets its
merchant, a source account its EIN. Which acts there are is up to the service.

Who amends a batch, or takes an amendment back, does not approve it. An approved batch keeps its
amendments.
"""

from alembic import op

revision = "ingest_0013"
down_revision = "ingest_0012"

# `change`: what is changed, for people; `details`: the same for the rules, as text by name.
AMENDMENT = """
CREATE TABLE amendment (
    decision_id uuid PRIMARY KEY,
    batch_id uuid NOT NULL REFERENCES batch,
    act text NOT NULL CHECK (act <> ''),
    target text NOT NULL,
    change text NOT NULL CHECK (change <> ''),
    details jsonb NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    evidence text NOT NULL DEFAULT '',
    seen_digest text NOT NULL,
    rows int NOT NULL CHECK (rows > 0),
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    decided_by text NOT NULL CHECK (decided_by <> ''),
    decided_at timestamptz NOT NULL,
    withdrawn_by text CHECK (withdrawn_by <> ''),
    withdrawn_at timestamptz,
    UNIQUE (decision_id, batch_id, act),
    CHECK ((withdrawn_by IS NULL) = (withdrawn_at IS NULL))
)"""
AMENDMENT_BATCH = "CREATE INDEX amendment_batch ON amendment (batch_id)"
# By number, as in decision_row. `known`: the blind index of the person that the row was compared
# with; it is accepted as a change of that one, and of no other. `about`: what of the row is
# settled, where an act has several.
AMENDMENT_ROW = """
CREATE TABLE amendment_row (
    decision_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    act text NOT NULL,
    file_row int NOT NULL CHECK (file_row >= 1),
    about text NOT NULL DEFAULT '',
    known text NOT NULL DEFAULT '',
    standing boolean NOT NULL DEFAULT true,
    PRIMARY KEY (decision_id, file_row),
    FOREIGN KEY (decision_id, batch_id, act) REFERENCES amendment (decision_id, batch_id, act)
)"""
AMENDMENT_ROW_STANDING = """
CREATE UNIQUE INDEX amendment_row_standing ON amendment_row (batch_id, act, about, file_row)
WHERE standing"""

# Who amended a batch, or took that back, had a hand in it.
BARRED = """
CREATE OR REPLACE FUNCTION barred(of_batch uuid) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE line AS (
        SELECT batch_id, parent_batch_id, uploaded_by FROM batch WHERE batch_id = of_batch
        UNION ALL
        SELECT b.batch_id, b.parent_batch_id, b.uploaded_by FROM batch b \
JOIN line ON b.batch_id = line.parent_batch_id)
    SELECT uploaded_by FROM line UNION SELECT corrected_by FROM correction \
JOIN line USING (batch_id) UNION SELECT chosen_by FROM period_choice JOIN line USING (batch_id) \
UNION SELECT decided_by FROM decision JOIN line USING (batch_id) WHERE NOT at_approval \
UNION SELECT withdrawn_by FROM decision JOIN line USING (batch_id) WHERE withdrawn_by IS NOT NULL \
UNION SELECT decided_by FROM amendment JOIN line USING (batch_id) \
UNION SELECT withdrawn_by FROM amendment JOIN line USING (batch_id) WHERE withdrawn_by IS NOT NULL
$$"""

FIXED = (
    *("decision_id", "batch_id", "act", "target", "change", "details", "reason", "evidence"),
    *("seen_digest", "rows", "amount_cents", "decided_by", "decided_at"),
)
FIXED_OF_ROW = ("decision_id", "batch_id", "act", "file_row", "about", "known")


def columns(record: str, names: tuple[str, ...]) -> str:
    """The columns of a trigger's record, separated by commas."""
    return ", ".join(f"{record}.{name}" for name in names)


STATEMENTS = (
    """
    CREATE TRIGGER approved_row_guard BEFORE INSERT OR UPDATE OR DELETE ON amendment
    FOR EACH ROW EXECUTE FUNCTION approved_row_guard()""",
    """
    CREATE TRIGGER approved_row_guard BEFORE INSERT OR UPDATE OR DELETE ON amendment_row
    FOR EACH ROW EXECUTE FUNCTION approved_row_guard()""",
    f"""
    CREATE TRIGGER refuse_rewriting BEFORE UPDATE ON amendment FOR EACH ROW
    WHEN (OLD.withdrawn_by IS NOT NULL
        OR ({columns("OLD", FIXED)}) IS DISTINCT FROM ({columns("NEW", FIXED)}))
    EXECUTE FUNCTION refuse_rewriting()""",
    f"""
    CREATE TRIGGER refuse_rewriting BEFORE UPDATE ON amendment_row FOR EACH ROW
    WHEN (NEW.standing
        OR ({columns("OLD", FIXED_OF_ROW)}) IS DISTINCT FROM ({columns("NEW", FIXED_OF_ROW)}))
    EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER refuse_deleting BEFORE DELETE ON amendment
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER refuse_deleting BEFORE DELETE ON amendment_row
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()""",
)


def upgrade() -> None:
    # Functions keep the search path they are created with (see 0007).
    op.execute(
        "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    )
    for statement in (
        *(AMENDMENT, AMENDMENT_BATCH, AMENDMENT_ROW, AMENDMENT_ROW_STANDING, BARRED),
        *STATEMENTS,
    ):
        op.execute(statement)
