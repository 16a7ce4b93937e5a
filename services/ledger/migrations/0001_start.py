"""The ledger's tables, and the triggers that refuse wrong journals from anybody.

The main rule: **a journal and all its entries are one statement**
(`WITH … INSERT INTO journal … INSERT INTO entry`). The triggers run once at the end of that
statement over its transition tables. So nothing is left to be checked at commit, a half-written
journal never exists, and 50,000 journals cost a few set-based queries instead of 50,000 calls.

This file is frozen: the text of the functions is part of the schema, with its spaces and line ends.
"""

from alembic import op

revision = "ledger_0001"
down_revision = None

MESSAGING = (
    """CREATE TABLE inbox (
        consumer text NOT NULL,
        event_id uuid NOT NULL,
        PRIMARY KEY (consumer, event_id)
    )""",
    """CREATE TABLE consumer_offset (
        consumer text NOT NULL,
        topic text NOT NULL,
        partition int NOT NULL,
        next_offset bigint NOT NULL CHECK (next_offset >= 0),
        topic_id text NOT NULL DEFAULT '',
        PRIMARY KEY (consumer, topic, partition)
    )""",
    """CREATE TABLE dead_letter (
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
        code text NOT NULL,
        reason text NOT NULL,
        buried_at timestamptz NOT NULL DEFAULT now(),
        redriven_at timestamptz,
        redriven_by text,
        UNIQUE (consumer, topic, partition, message_offset)
    )""",
    # Rows are marked, never deleted: topics that a broker lost are published again from them.
    """CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id uuid NOT NULL UNIQUE,
        topic text NOT NULL,
        message_key text NOT NULL,
        message_type text NOT NULL,
        correlation text NOT NULL,
        body text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        published_at timestamptz
    )""",
    "CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL",
)

FACTS = (
    """CREATE TABLE batch (
        batch_id uuid PRIMARY KEY,
        version int NOT NULL,
        status text NOT NULL,
        payments int NOT NULL,
        payments_cents bigint NOT NULL,
        row_counts jsonb NOT NULL,
        amounts_cents jsonb NOT NULL,
        payable_by_source jsonb NOT NULL,
        payable_by_branch jsonb NOT NULL,
        content text NOT NULL,
        changed_at timestamptz NOT NULL
    )""",
    """CREATE TABLE payment (
        payment_id uuid PRIMARY KEY,
        batch_id uuid NOT NULL,
        amount_cents bigint NOT NULL CHECK (amount_cents > 0),
        row_count int NOT NULL CHECK (row_count > 0),
        source_account_id text NOT NULL,
        source_routing text NOT NULL,
        source_last4 text NOT NULL,
        employee_id text NOT NULL,
        person_index text NOT NULL,
        merchant_id text NOT NULL,
        loan_last4 text NOT NULL,
        content text NOT NULL,
        approved_at timestamptz NOT NULL,
        version int NOT NULL DEFAULT 0 CHECK (version >= 0),
        status text NOT NULL DEFAULT 'unprocessed',
        status_at timestamptz NOT NULL,
        provider_payment_id text NOT NULL DEFAULT '',
        provider_status text NOT NULL DEFAULT '',
        reversal_id text NOT NULL DEFAULT '',
        return_under_way boolean NOT NULL DEFAULT false,
        reason_code text NOT NULL DEFAULT '',
        reason text NOT NULL DEFAULT ''
    )""",
    "CREATE INDEX payment_of_batch ON payment (batch_id, payment_id)",
    """CREATE TABLE payment_row (
        row_id uuid PRIMARY KEY,
        payment_id uuid NOT NULL,
        branch_id text NOT NULL,
        amount_cents bigint NOT NULL CHECK (amount_cents > 0)
    )""",
    "CREATE INDEX row_of_payment ON payment_row (payment_id)",
    """CREATE TABLE payment_change (
        payment_id uuid NOT NULL,
        version int NOT NULL CHECK (version >= 1),
        status text NOT NULL,
        content text NOT NULL,
        occurred_at timestamptz NOT NULL,
        PRIMARY KEY (payment_id, version)
    )""",
    """CREATE TABLE waiting (
        payment_id uuid NOT NULL,
        version int NOT NULL,
        batch_id uuid NOT NULL,
        body text NOT NULL,
        since timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (payment_id, version)
    )""",
    "CREATE INDEX waiting_of_batch ON waiting (batch_id)",
)

MONEY = (
    """CREATE TABLE journal (
        journal_id uuid PRIMARY KEY,
        batch_id uuid NOT NULL,
        payment_id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('hold', 'settle', 'release', 'reverse')),
        amount_cents bigint NOT NULL CHECK (amount_cents > 0),
        row_count int NOT NULL CHECK (row_count > 0),
        entry_count int NOT NULL CHECK (entry_count >= 2),
        posted_at timestamptz NOT NULL,
        CONSTRAINT journal_once UNIQUE (payment_id, kind)
    )""",
    """CREATE UNIQUE INDEX journal_one_final ON journal (payment_id)
    WHERE kind IN ('settle', 'release')""",
    "CREATE INDEX journal_of_batch ON journal (batch_id, posted_at, journal_id)",
    """CREATE TABLE entry (
        journal_id uuid NOT NULL,
        n int NOT NULL CHECK (n >= 1),
        batch_id uuid NOT NULL,
        account text NOT NULL CHECK (account LIKE 'source:%' OR account LIKE 'branch:%'),
        layer text NOT NULL CHECK (layer IN ('pending', 'posted')),
        amount_cents bigint NOT NULL CHECK (amount_cents <> 0),
        row_count int NOT NULL CHECK (row_count <> 0 AND (row_count > 0) = (amount_cents > 0)),
        PRIMARY KEY (journal_id, n)
    )""",
    """CREATE TABLE balance (
        batch_id uuid NOT NULL,
        account text NOT NULL,
        layer text NOT NULL,
        amount_cents bigint NOT NULL,
        row_count bigint NOT NULL,
        PRIMARY KEY (batch_id, account, layer)
    )""",
)

RECONCILIATION = (
    """CREATE TABLE statement_run (
        run_id uuid PRIMARY KEY,
        batch_id uuid NOT NULL,
        complete boolean NOT NULL,
        pages int NOT NULL,
        lines int NOT NULL,
        amount_cents bigint NOT NULL,
        from_at timestamptz NOT NULL,
        begun_at timestamptz NOT NULL,
        closed_at timestamptz NOT NULL,
        requested_by text NOT NULL,
        final_versions bigint NOT NULL,
        message text NOT NULL,
        verdict text CHECK (verdict IN ('clean', 'breaks', 'incomplete')),
        break_count int NOT NULL DEFAULT 0,
        judgements int NOT NULL DEFAULT 0,
        judged_at timestamptz
    )""",
    "CREATE INDEX run_of_batch ON statement_run (batch_id, begun_at, run_id)",
    """CREATE TABLE statement_line (
        run_id uuid NOT NULL,
        line int NOT NULL,
        provider_payment_id text NOT NULL,
        stated_payment_id text NOT NULL,
        payment_id uuid,
        provider_status text NOT NULL,
        amount_cents bigint NOT NULL,
        source_routing text NOT NULL,
        source_last4 text NOT NULL,
        employee_id text NOT NULL,
        person_index text NOT NULL,
        merchant_id text NOT NULL,
        loan_last4 text NOT NULL,
        PRIMARY KEY (run_id, line)
    )""",
    "CREATE INDEX line_of_payment ON statement_line (run_id, payment_id)",
    """CREATE TABLE reconciliation_break (
        break_id uuid PRIMARY KEY,
        batch_id uuid NOT NULL,
        kind text NOT NULL,
        payment_id text NOT NULL,
        provider_payment_id text NOT NULL,
        subject text NOT NULL,
        expected text NOT NULL,
        found text NOT NULL,
        first_run_id uuid,
        last_run_id uuid,
        opened_at timestamptz NOT NULL,
        last_seen_at timestamptz NOT NULL,
        closed_at timestamptz
    )""",
    "CREATE INDEX break_of_batch ON reconciliation_break (batch_id, opened_at, break_id)",
    """CREATE TABLE certificate (
        batch_id uuid NOT NULL,
        version int NOT NULL CHECK (version >= 1),
        run_id uuid NOT NULL,
        outcome text NOT NULL,
        digest text NOT NULL,
        body jsonb NOT NULL,
        issued_at timestamptz NOT NULL,
        PRIMARY KEY (batch_id, version)
    )""",
)

# A journal is looked up by its keys, row by row (`LATERAL … OFFSET 0`, sequential scans off). With
# statistics taken while the table was empty, the planner would scan the transition table once for
# every journal there is, and 8 s become an hour.
FUNCTIONS = (
    # A header is wrong if it has no entries, if it ends a hold that does not exist or is of another
    # amount, or if it reverses what was never settled.
    """CREATE FUNCTION check_journals() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
    DECLARE wrong record;
    BEGIN
        SELECT j.journal_id, CASE
                WHEN e.n IS NULL THEN 'has no entries'
                WHEN h.journal_id IS NULL THEN 'has no hold'
                WHEN s.journal_id IS NULL AND j.kind = 'reverse' THEN 'reverses what was not settled'
                ELSE 'is not of the money and rows of its hold' END AS reason
        INTO wrong
        FROM fresh j
        LEFT JOIN LATERAL (SELECT o.n FROM entry o WHERE o.journal_id = j.journal_id AND o.n = 1 OFFSET 0) e ON true
        LEFT JOIN LATERAL (SELECT o.* FROM journal o WHERE o.payment_id = j.payment_id AND o.kind = 'hold' AND j.kind <> 'hold' OFFSET 0) h ON true
        LEFT JOIN LATERAL (SELECT o.* FROM journal o WHERE o.payment_id = j.payment_id AND o.kind = 'settle' AND j.kind = 'reverse' OFFSET 0) s ON true
        WHERE e.n IS NULL OR (j.kind <> 'hold' AND (
            h.journal_id IS NULL OR (j.kind = 'reverse' AND s.journal_id IS NULL)
            OR (h.batch_id, h.amount_cents, h.row_count) <> (j.batch_id, j.amount_cents, j.row_count)
            OR j.entry_count <> h.entry_count * CASE WHEN j.kind = 'settle' THEN 2 ELSE 1 END))
        LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'journal % %', wrong.journal_id, wrong.reason USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'check_journals';
        END IF;
        RETURN NULL;
    END $$""",
    # Entries 1..entry_count must all be in this statement. The primary key then leaves no number
    # for a later entry.
    """CREATE FUNCTION check_entries() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
    DECLARE wrong record;
    BEGIN
        SELECT f.journal_id, CASE
                WHEN j.journal_id IS NULL THEN 'does not exist'
                WHEN f.lines <> j.entry_count OR f.last_n <> j.entry_count OR f.batch_id <> j.batch_id
                    THEN 'has other entries than its header declares'
                WHEN f.pending_cents <> 0 OR f.posted_cents <> 0 OR f.pending_rows <> 0 OR f.posted_rows <> 0
                    THEN format('does not sum to zero: %s cents are left over', f.pending_cents + f.posted_cents)
                ELSE 'is not the sum its header declares' END AS reason
        INTO wrong
        FROM (
            SELECT e.journal_id, e.batch_id, count(*) AS lines, max(e.n) AS last_n,
                sum(CASE WHEN e.layer = 'pending' THEN e.amount_cents ELSE 0 END) AS pending_cents,
                sum(CASE WHEN e.layer = 'posted' THEN e.amount_cents ELSE 0 END) AS posted_cents,
                sum(CASE WHEN e.layer = 'pending' THEN e.row_count ELSE 0 END) AS pending_rows,
                sum(CASE WHEN e.layer = 'posted' THEN e.row_count ELSE 0 END) AS posted_rows,
                sum(CASE WHEN e.layer = 'pending' THEN greatest(e.amount_cents, 0) ELSE 0 END) AS pending_moved,
                sum(CASE WHEN e.layer = 'posted' THEN greatest(e.amount_cents, 0) ELSE 0 END) AS posted_moved,
                sum(CASE WHEN e.layer = 'pending' THEN greatest(e.row_count, 0) ELSE 0 END) AS pending_counted,
                sum(CASE WHEN e.layer = 'posted' THEN greatest(e.row_count, 0) ELSE 0 END) AS posted_counted,
                bool_and((e.account LIKE 'source:%') = (e.amount_cents < 0)) AS from_source
            FROM fresh e GROUP BY e.journal_id, e.batch_id OFFSET 0) f
        LEFT JOIN LATERAL (SELECT o.* FROM journal o WHERE o.journal_id = f.journal_id OFFSET 0) j ON true
        WHERE j.journal_id IS NULL OR f.lines <> j.entry_count OR f.last_n <> j.entry_count OR f.batch_id <> j.batch_id
            OR f.pending_cents <> 0 OR f.posted_cents <> 0 OR f.pending_rows <> 0 OR f.posted_rows <> 0
            OR f.pending_moved <> CASE WHEN j.kind = 'reverse' THEN 0 ELSE j.amount_cents END
            OR f.posted_moved <> CASE WHEN j.kind IN ('settle', 'reverse') THEN j.amount_cents ELSE 0 END
            OR f.pending_counted <> CASE WHEN j.kind = 'reverse' THEN 0 ELSE j.row_count END
            OR f.posted_counted <> CASE WHEN j.kind IN ('settle', 'reverse') THEN j.row_count ELSE 0 END
            OR (j.kind = 'hold' AND NOT f.from_source)
        LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'journal % %', wrong.journal_id, wrong.reason USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'check_entries';
        END IF;
        RETURN NULL;
    END $$""",
    # A journal that ends a hold mirrors it: entry n undoes the hold's entry n, and the second half
    # of a settle posts it.
    """CREATE FUNCTION check_mirror() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
    DECLARE wrong record;
    BEGIN
        SELECT f.journal_id, e.n INTO wrong
        FROM (SELECT DISTINCT journal_id FROM fresh OFFSET 0) f
        CROSS JOIN LATERAL (SELECT o.* FROM journal o WHERE o.journal_id = f.journal_id AND o.kind <> 'hold' OFFSET 0) j
        CROSS JOIN LATERAL (SELECT o.* FROM journal o WHERE o.payment_id = j.payment_id AND o.kind = 'hold' OFFSET 0) h
        CROSS JOIN LATERAL (SELECT o.*, o.n > h.entry_count AS posts FROM entry o WHERE o.journal_id = f.journal_id OFFSET 0) e
        LEFT JOIN LATERAL (SELECT o.* FROM entry o WHERE o.journal_id = h.journal_id
                           AND o.n = CASE WHEN e.posts THEN e.n - h.entry_count ELSE e.n END OFFSET 0) o ON true
        WHERE o.journal_id IS NULL OR o.account <> e.account
            OR e.amount_cents <> CASE WHEN e.posts THEN o.amount_cents ELSE -o.amount_cents END
            OR e.row_count <> CASE WHEN e.posts THEN o.row_count ELSE -o.row_count END
            OR e.layer <> CASE WHEN e.posts OR j.kind = 'reverse' THEN 'posted' ELSE 'pending' END
        LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'journal %: entry % does not mirror its hold', wrong.journal_id, wrong.n
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'check_mirror';
        END IF;
        RETURN NULL;
    END $$""",
    # Runs as the owner: the service itself has no right to write balances.
    """CREATE FUNCTION keep_balances() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
    BEGIN
        INSERT INTO balance AS b (batch_id, account, layer, amount_cents, row_count)
        SELECT batch_id, account, layer, CAST(sum(amount_cents) AS bigint), sum(row_count) FROM fresh GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (batch_id, account, layer)
            DO UPDATE SET amount_cents = b.amount_cents + excluded.amount_cents, row_count = b.row_count + excluded.row_count;
        RETURN NULL;
    END $$""",
    # A trigger that a statement fires directly is at depth 1, within keep_balances at depth 2.
    """CREATE FUNCTION guard_balance() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF pg_trigger_depth() < 2 OR TG_OP IN ('DELETE', 'TRUNCATE') THEN
            RAISE EXCEPTION 'a balance is changed by its entries alone' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'guard_balance';
        END IF;
        RETURN NULL;
    END $$""",
    """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% of %: what is written here stays as it is; correct it with another journal', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refuse_change';
    END $$""",
)

TRIGGERS = (
    ("journal", "check_journals", "AFTER INSERT ON journal REFERENCING NEW TABLE AS fresh"),
    ("entry", "check_entries", "AFTER INSERT ON entry REFERENCING NEW TABLE AS fresh"),
    ("entry", "check_mirror", "AFTER INSERT ON entry REFERENCING NEW TABLE AS fresh"),
    ("entry", "keep_balances", "AFTER INSERT ON entry REFERENCING NEW TABLE AS fresh"),
    ("balance", "guard_balance", "BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON balance"),
    ("journal", "refuse_change", "BEFORE UPDATE OR DELETE OR TRUNCATE ON journal"),
    ("entry", "refuse_change", "BEFORE UPDATE OR DELETE OR TRUNCATE ON entry"),
    ("certificate", "refuse_change", "BEFORE UPDATE OR DELETE OR TRUNCATE ON certificate"),
)

# Revokes what the default privileges granted, from every role that has it. The names of the roles
# belong to the installation and are not known here.
NARROW_RIGHTS = """
    DO $$
    DECLARE given record;
    BEGIN
        FOR given IN
            SELECT DISTINCT c.relname, a.grantee
            FROM pg_class c, aclexplode(c.relacl) a
            WHERE c.relnamespace = CAST(current_schema() AS regnamespace)
                AND a.grantee <> c.relowner
                AND a.grantee <> 0
                AND c.relname IN ('journal', 'entry', 'balance', 'certificate')
        LOOP
            EXECUTE format('REVOKE ALL ON %I FROM %I',
                           given.relname, pg_get_userbyid(given.grantee));
            EXECUTE format('GRANT SELECT%s ON %I TO %I',
                           CASE WHEN given.relname = 'balance' THEN '' ELSE ', INSERT' END,
                           given.relname, pg_get_userbyid(given.grantee));
        END LOOP;
    END $$"""


def upgrade() -> None:
    # Functions keep the search path they are created with. A temporary table of the same name must
    # not come before the real one.
    op.execute(
        "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    )
    for statement in (*MESSAGING, *FACTS, *MONEY, *RECONCILIATION, *FUNCTIONS):
        op.execute(statement)
    for table, function, when in TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {function} {when} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )
        # Without ALWAYS, the session of a replica would pass the triggers by.
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {function}")
    op.execute(NARROW_RIGHTS)
