-- Version 1. The log is append-only: no statement anywhere updates or deletes a record, so `sequence`
-- has no gaps, is never used twice, and its highest value is the number of records.
BEGIN IMMEDIATE;
PRAGMA application_id = 0x53594e43; -- "SYNC": tells our file from any other SQLite file

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO meta VALUES ('schema_version', '1');

CREATE TABLE records (
    sequence    INTEGER PRIMARY KEY,
    id          TEXT NOT NULL,
    thread      TEXT NOT NULL,
    clock       INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    act         TEXT NOT NULL,
    topic       TEXT NOT NULL,
    data_type   TEXT NOT NULL,
    judged_by   TEXT,
    parents     TEXT NOT NULL, -- JSON list of ids
    body        TEXT NOT NULL, -- canonical JSON: the very text that was hashed
    received_at REAL NOT NULL  -- unix seconds
);

-- Every index is paid for by each append. These two are what the protocol needs (one record per id, one per
-- clock of an actor on a thread); the second also serves every read of a thread, in order of clock.
CREATE UNIQUE INDEX records_by_id ON records (id);
CREATE UNIQUE INDEX records_by_clock ON records (thread, clock, actor);
COMMIT;
