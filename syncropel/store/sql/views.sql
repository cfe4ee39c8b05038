-- Views: an index of the log beside it. Whatever is here follows from the log, and can be dropped.
BEGIN IMMEDIATE;
PRAGMA application_id = 0x53594e56; -- "SYNV"

-- How far the log is contained (`position`: a sequence and the id of its record), and what is counted.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Keyed by the sequence of the thread's first record: threads of one time lie together.
CREATE TABLE threads (
    first         INTEGER PRIMARY KEY,
    thread        TEXT NOT NULL,
    last          INTEGER NOT NULL, -- sequence of its last record
    line          TEXT NOT NULL,    -- JSON: its summary
    open_child    INTEGER NOT NULL, -- a subtask without a result
    worktree      INTEGER NOT NULL, -- a subtask with a repository
    task_sequence INTEGER,          -- of the task's last change; the rest of the row is of tasks, too
    status        TEXT,
    active        INTEGER,          -- its fan-out has not joined
    alias         TEXT,
    created_at    REAL,
    parent        TEXT,
    counted       TEXT              -- JSON: what it adds to the counts
);
CREATE UNIQUE INDEX threads_by_name ON threads (thread);
CREATE INDEX threads_by_last ON threads (last);
CREATE INDEX threads_with_open_child ON threads (first) WHERE open_child;
CREATE INDEX threads_with_worktree ON threads (first) WHERE worktree;
CREATE INDEX tasks_by_change ON threads (task_sequence) WHERE task_sequence IS NOT NULL;
CREATE INDEX tasks_by_status ON threads (status, task_sequence) WHERE task_sequence IS NOT NULL;
CREATE INDEX tasks_by_alias ON threads (alias, created_at, thread) WHERE alias IS NOT NULL;
CREATE INDEX tasks_by_parent ON threads (parent) WHERE parent IS NOT NULL;
CREATE INDEX tasks_active ON threads (first) WHERE active;

-- Threads whose folds were out of date when they were written: folded again at the start.
CREATE TABLE stale (thread TEXT PRIMARY KEY) WITHOUT ROWID;

CREATE TABLE spawned (
    child  TEXT PRIMARY KEY, -- a subtask's thread
    parent TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE forked (
    child  TEXT NOT NULL,
    parent TEXT NOT NULL,
    clock  INTEGER NOT NULL, -- with the record: the first on the parent that says so
    record TEXT NOT NULL,
    PRIMARY KEY (child, parent)
) WITHOUT ROWID;

-- Threads with the observations of runs, by attempt and by the subtask's thread; either may be empty.
CREATE TABLE runs (
    intend TEXT NOT NULL,
    child  TEXT NOT NULL,
    thread TEXT NOT NULL,
    PRIMARY KEY (intend, child, thread)
) WITHOUT ROWID;
CREATE INDEX runs_by_child ON runs (child);

-- Session records of attempts without a result.
CREATE TABLE starts (
    intend   TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (intend, sequence)
) WITHOUT ROWID;

-- Results that the coordinator had not acknowledged when this was written.
CREATE TABLE unreported (
    result TEXT PRIMARY KEY,
    thread TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE actors (
    actor         TEXT PRIMARY KEY,
    threads       INTEGER NOT NULL,
    last_activity REAL NOT NULL, -- unix seconds
    results       INTEGER NOT NULL,
    accepted      INTEGER NOT NULL,
    own           INTEGER NOT NULL
) WITHOUT ROWID;
COMMIT;
