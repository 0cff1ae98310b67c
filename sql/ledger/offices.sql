-- offices: the register's offices. Grain: one row an office.
SELECT office_code, name, level, parent_code, capacity FROM office WHERE office_code IS NOT NULL ORDER BY office_code
