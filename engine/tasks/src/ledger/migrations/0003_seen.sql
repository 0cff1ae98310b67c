-- Which suspicions whoever answered saw: one a line. What joined later wants a conclusion of its own.
ALTER TABLE answer ADD COLUMN seen TEXT;
-- Who stated an officer, and when.
ALTER TABLE officer ADD COLUMN stated_by TEXT;
ALTER TABLE officer ADD COLUMN stated_at TEXT;
