-- Caches beside the log: dropping them loses nothing that cannot be had again.
CREATE TABLE IF NOT EXISTS acknowledged (
    record_id TEXT PRIMARY KEY
) WITHOUT ROWID;
