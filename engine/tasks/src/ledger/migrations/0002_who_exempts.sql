-- Who put a taxpayer on the list of those left alone.
ALTER TABLE exemption ADD COLUMN stated_by TEXT;
