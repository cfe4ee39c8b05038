-- Version 1. The log is append-only: no statement anywhere updates or deletes a record.
-- Texts have no collation of the system's: an upgrade of its library must not put an index out of order.

-- One row. Whoever appends locks it first, so that the order of sequences is the order of commits. It is
-- updated with every commit: the free space on its page keeps each version there.
CREATE TABLE syncropel.log_head (
    single      boolean PRIMARY KEY DEFAULT true CHECK (single),
    log_id      uuid NOT NULL DEFAULT gen_random_uuid(),
    last        bigint NOT NULL DEFAULT 0,    -- the highest sequence
    ruled       bigint NOT NULL DEFAULT 0,    -- the sequence of the newest ruling record
    term        bigint NOT NULL DEFAULT 0,    -- the newest one of a record; never falls
    leader      text COLLATE "C",             -- the DID of the instance that may append
    incarnation text COLLATE "C",             -- and which of its processes
    address     text COLLATE "C",             -- where it runs, for people
    until       timestamptz,                  -- by the clock of the database
    protocol    integer NOT NULL DEFAULT 1    -- the lowest version that may append
) WITH (fillfactor = 10);
INSERT INTO syncropel.log_head DEFAULT VALUES;

-- NUL cannot be stored in a text: names and topics are stored with \0 for it, and \\ for a backslash. The
-- body needs neither: as canonical JSON it contains no control characters.
CREATE TABLE syncropel.records (
    sequence    bigint PRIMARY KEY,
    id          bytea NOT NULL UNIQUE,
    thread      text COLLATE "C" NOT NULL,
    clock       bigint NOT NULL,
    actor       text COLLATE "C" NOT NULL,
    act         text COLLATE "C" NOT NULL,
    topic       text COLLATE "C" NOT NULL,
    data_type   text COLLATE "C" NOT NULL,
    judged_by   text COLLATE "C",
    parents     text COLLATE "C" NOT NULL, -- JSON list of ids
    body        text COLLATE "C" NOT NULL, -- canonical JSON: the very text that was hashed
    received_at double precision NOT NULL, -- unix seconds
    term        bigint NOT NULL,           -- the one in force at its append
    ruled       bigint,                    -- the newest ruling record then; null for restored history
    UNIQUE (thread, clock, actor) INCLUDE (sequence)
);

-- What a restore has promised and not yet written.
CREATE TABLE syncropel.arriving (
    ordinal     bigint PRIMARY KEY,
    id          bytea NOT NULL,
    row         text COLLATE "C" NOT NULL  -- JSON
);

-- A cache: losing it only makes workers resend.
CREATE TABLE syncropel.acknowledged (
    record_id   text COLLATE "C" PRIMARY KEY
);

-- Altered records that an operator accepted in their current form, by the hash of their content.
CREATE TABLE syncropel.accepted (
    found       text COLLATE "C" PRIMARY KEY
);

-- Makes one process the only one that may append, for so many seconds from now, unless another is.
-- `mine` says whether it is; `left_secs` for how long the other one still has it.
CREATE FUNCTION syncropel.lead_v1(
    my_protocol integer, my_did text, my_incarnation text, my_address text, lease_secs double precision)
RETURNS TABLE (mine boolean, term bigint, last bigint, ruled bigint, leader text, address text,
               incarnation text, left_secs double precision)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE head syncropel.log_head;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true), set_config('lock_timeout', '2s', true);
    SELECT * INTO STRICT head FROM syncropel.log_head FOR UPDATE;
    IF my_protocol < head.protocol THEN
        RAISE EXCEPTION USING ERRCODE = 'SY005', MESSAGE = format('protocol %s or later', head.protocol);
    END IF;
    mine := head.incarnation IS NULL OR head.incarnation = my_incarnation OR head.until IS NULL
        OR head.until <= clock_timestamp();
    IF mine THEN
        UPDATE syncropel.log_head AS h
        SET leader = my_did, incarnation = my_incarnation, address = my_address,
            until = clock_timestamp() + make_interval(secs => lease_secs)
        RETURNING h.* INTO head;
    END IF;
    RETURN QUERY SELECT mine, head.term, head.last, head.ruled, head.leader, head.address, head.incarnation,
        extract(epoch FROM head.until - clock_timestamp())::double precision;
END $$;

-- Prolongs that, and says whether it was still so.
CREATE FUNCTION syncropel.renew_v1(my_incarnation text, lease_secs double precision)
RETURNS TABLE (mine boolean, leader text, address text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE head syncropel.log_head;
BEGIN
    -- Nothing rests on this commit: a lease that is lost with the database is taken anew.
    PERFORM set_config('synchronous_commit', 'local', true), set_config('lock_timeout', '2s', true);
    SELECT * INTO STRICT head FROM syncropel.log_head FOR UPDATE;
    mine := head.incarnation IS NOT DISTINCT FROM my_incarnation;
    IF mine THEN
        UPDATE syncropel.log_head SET until = clock_timestamp() + make_interval(secs => lease_secs);
    END IF;
    RETURN QUERY SELECT mine, head.leader, head.address;
END $$;

-- Appends a group of records in order, all or none, and acknowledges results; one round trip and one commit.
-- `expected` and `expected_ruled`: the head of the log as the caller knows it. The arrays have one element a
-- record; `judged`: whether somebody judged it here, who knew `expected_ruled`.
--
-- The first row of the answer is (0, the last sequence now). Then comes a row for each record that was not
-- new: with the sequence, time and judge of the one that the log has, or without when its clock is taken.
-- All others were written in order, from `expected` + 1 on.
CREATE FUNCTION syncropel.append_group_v1(
    my_protocol integer, my_incarnation text, lease_secs double precision,
    expected bigint, expected_ruled bigint, ids bytea[], threads text[], clocks bigint[], actors text[], acts text[], topics text[],
    data_types text[], judges text[], parent_lists text[], bodies text[], times double precision[],
    terms bigint[], ruling boolean[], judged boolean[], acknowledge text[])
RETURNS TABLE (ordinal bigint, known bigint, known_at double precision, known_judge text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    head syncropel.log_head;
BEGIN
    -- Until the end of this transaction. The plans must not depend on statistics, which are of an empty log
    -- for as long as nobody has collected any; nor be made anew for each group, which takes as long as it.
    PERFORM set_config('synchronous_commit', 'on', true), set_config('lock_timeout', '2s', true),
        set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
        set_config('plan_cache_mode', 'force_generic_plan', true);
    -- What could cancel a commit that waits for a standby, or hide what another has committed.
    IF current_setting('statement_timeout') <> '0'
        OR coalesce(current_setting('transaction_timeout', true), '0') <> '0'
        OR current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING ERRCODE = 'SY004', MESSAGE = format(
            'statement_timeout is %s, transaction_isolation is %s', current_setting('statement_timeout'),
            current_setting('transaction_isolation'));
    END IF;
    SELECT * INTO STRICT head FROM syncropel.log_head FOR UPDATE;
    IF my_protocol < head.protocol THEN
        RAISE EXCEPTION USING ERRCODE = 'SY005', MESSAGE = format('protocol %s or later', head.protocol);
    END IF;
    IF head.incarnation IS DISTINCT FROM my_incarnation THEN
        RAISE EXCEPTION USING ERRCODE = 'SY001',
            MESSAGE = format('%s at %s', head.leader, head.address);
    END IF;
    IF head.last <> expected THEN
        RAISE EXCEPTION USING ERRCODE = 'SY002', MESSAGE = format('the log ends at %s', head.last);
    END IF;
    IF head.ruled <> expected_ruled THEN
        RAISE EXCEPTION USING ERRCODE = 'SY003', MESSAGE = format('record %s rules', head.ruled);
    END IF;
    IF cardinality(acknowledge) > 0 THEN
        INSERT INTO syncropel.acknowledged SELECT unnest(acknowledge) ON CONFLICT DO NOTHING;
    END IF;
    -- This statement sees what was committed before the lock. LATERAL with LIMIT: one look into an index for
    -- each record, whatever else the planner might think of.
    RETURN QUERY
    WITH arrived AS MATERIALIZED (
        SELECT * FROM unnest(ids, threads, clocks, actors, acts, topics, data_types, judges, parent_lists,
            bodies, times, terms, ruling, judged) WITH ORDINALITY AS
            a (id, thread, clock, actor, act, topic, data_type, judged_by, parents, body, received_at, term,
               ruling, judged, ordinal)
    ), placed AS MATERIALIZED (
        SELECT a.*, k.sequence AS known, k.received_at AS known_at, k.judged_by AS known_judge,
            t.sequence IS NOT NULL AS taken,
            first_value(a.ordinal) OVER (PARTITION BY a.thread, a.clock, a.actor ORDER BY a.ordinal) AS first
        FROM arrived AS a
        LEFT JOIN LATERAL (SELECT r.sequence, r.received_at, r.judged_by FROM syncropel.records AS r
            WHERE r.id = a.id LIMIT 1) AS k ON true
        LEFT JOIN LATERAL (SELECT r.sequence FROM syncropel.records AS r
            WHERE r.thread = a.thread AND r.clock = a.clock AND r.actor = a.actor LIMIT 1) AS t ON true
    ), numbered AS (
        SELECT *, expected + row_number() OVER (ORDER BY ordinal) AS sequence
        FROM placed WHERE known IS NULL AND NOT taken AND first = ordinal
    ), fresh AS MATERIALIZED (
        SELECT *, greatest(head.ruled, max(sequence) FILTER (WHERE ruling)
            OVER (ORDER BY sequence ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS ruled
        FROM numbered
    ), written AS (
        -- No ON CONFLICT: a duplicate that comes here is an error, never an answer.
        INSERT INTO syncropel.records
        SELECT sequence, id, thread, clock, actor, act, topic, data_type, judged_by, parents, body,
            received_at, term, CASE WHEN judged THEN ruled END
        FROM fresh ORDER BY sequence
    ), moved AS (
        -- Also when nothing was new: an answer is given after a commit that had something to write.
        UPDATE syncropel.log_head SET
            last = expected + (SELECT count(*) FROM fresh),
            ruled = greatest(head.ruled, (SELECT max(sequence) FROM fresh WHERE ruling)),
            term = greatest(head.term, (SELECT max(term) FROM fresh)),
            until = clock_timestamp() + make_interval(secs => lease_secs)
        RETURNING log_head.last
    )
    SELECT 0::bigint, moved.last, NULL::double precision, NULL::text FROM moved
    UNION ALL
    SELECT p.ordinal, coalesce(p.known, f.sequence), coalesce(p.known_at, f.received_at),
        CASE WHEN p.known IS NULL THEN f.judged_by ELSE p.known_judge END
    FROM placed AS p LEFT JOIN fresh AS f ON f.ordinal = p.first AND f.id = p.id
    WHERE f.ordinal IS DISTINCT FROM p.ordinal
    ORDER BY 1;
END $$;
