CREATE TABLE streams (
  id INTEGER PRIMARY KEY,
  log_group TEXT NOT NULL,
  name TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  first_event_ms INTEGER,
  last_event_ms INTEGER,
  last_ingestion_ms INTEGER,
  UNIQUE (log_group, name)
);

CREATE TABLE events (
  stream INTEGER NOT NULL REFERENCES streams (id),
  number INTEGER NOT NULL,
  timestamp_ms INTEGER NOT NULL,
  ingestion_ms INTEGER NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (stream, number)
) WITHOUT ROWID;
