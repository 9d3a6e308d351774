CREATE TABLE access_keys (
  id TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  secret BLOB NOT NULL,
  created_ms INTEGER NOT NULL,
  disabled_ms INTEGER
) WITHOUT ROWID;
