-- A default that no row has to store: the records stay as they are, however many there are.
BEGIN IMMEDIATE;
ALTER TABLE records ADD COLUMN term INTEGER NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN ruled INTEGER;
UPDATE meta SET value = '2' WHERE key = 'schema_version';
COMMIT;
