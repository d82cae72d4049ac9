-- The sandbox's truth. Times are microseconds since 1970, UTC.

CREATE TABLE IF NOT EXISTS instances (
    serial       INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    region       TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    -- Whose it is; both or neither.
    installation TEXT,
    token        TEXT,
    plan         TEXT    NOT NULL,
    cpus         INTEGER NOT NULL,
    memory_mib   INTEGER NOT NULL,
    disk_gib     INTEGER NOT NULL,
    image        TEXT    NOT NULL,
    -- Added to 100.64.0.0.
    address      INTEGER NOT NULL,
    -- Stands for what is on the disk: new with each installation, copied by snapshots.
    disk         TEXT    NOT NULL,
    -- What it is, or becomes at settles_at.
    goal         TEXT    NOT NULL CHECK (goal IN ('running', 'stopped', 'terminated')),
    settles_at   INTEGER NOT NULL,
    -- When the cloud's API begins to show it.
    visible_at   INTEGER NOT NULL,
    -- The last start, and the stop after it: the traffic counters are derived from these.
    started_at   INTEGER NOT NULL,
    stopped_at   INTEGER,
    created_at   INTEGER NOT NULL,
    user_data    TEXT    NOT NULL,
    -- JSON arrays.
    public_keys  TEXT    NOT NULL,
    ports        TEXT    NOT NULL,
    nesting      INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS instances_by_tag ON instances (installation, token);
CREATE INDEX IF NOT EXISTS instances_by_address ON instances (address);

CREATE TABLE IF NOT EXISTS snapshots (
    instance   INTEGER NOT NULL REFERENCES instances (serial) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    disk       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (instance, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS passwords (
    instance INTEGER NOT NULL REFERENCES instances (serial) ON DELETE CASCADE,
    user     TEXT    NOT NULL,
    -- Of the hash that was sent, salted and hashed again; the password itself is nowhere.
    hash     TEXT    NOT NULL,
    PRIMARY KEY (instance, user)
) STRICT, WITHOUT ROWID;

-- The mark of the last change that took the place of an instance's disk.
CREATE TABLE IF NOT EXISTS marks (
    instance INTEGER PRIMARY KEY REFERENCES instances (serial) ON DELETE CASCADE,
    mark     TEXT    NOT NULL
) STRICT;

-- How often each method of the driver was called, whatever became of the call.
CREATE TABLE IF NOT EXISTS calls (
    method TEXT    PRIMARY KEY,
    times  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: the faults in force, as JSON.
CREATE TABLE IF NOT EXISTS faults (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    body TEXT    NOT NULL
) STRICT;

INSERT OR IGNORE INTO faults (id, body) VALUES (1, '{}');
