-- Servers that are sold one by one: keys, snapshots, traffic, quotas, and the money. Money is in units of 10^-6.

ALTER TABLE users ADD COLUMN verified BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE users ADD COLUMN last_login_at BIGINT;

-- The organisation's money ran out then, and its servers were switched off.
ALTER TABLE organisations ADD COLUMN suspended_at BIGINT;
-- Why: 'balance', which a payment ends, or 'operator', whose word does.
ALTER TABLE organisations ADD COLUMN suspended_for TEXT;
-- When its servers are to be destroyed if it owes until then, as it was told; and when it was told so for the last time.
ALTER TABLE organisations ADD COLUMN destroy_at BIGINT;
ALTER TABLE organisations ADD COLUMN reminded_at BIGINT;

-- A login by JWT: the one refresh token that is good, by its number, until the family ends or is revoked.
CREATE TABLE login_families (
    id TEXT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    refresh_number TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX login_families_of_user ON login_families (user_id);

ALTER TABLE regions ADD COLUMN country TEXT NOT NULL DEFAULT '';
-- What its machines have, as last seen, and how much more than that may be sold; JSON.
ALTER TABLE regions ADD COLUMN capacity TEXT;
ALTER TABLE regions ADD COLUMN overcommit TEXT;

-- An application is a system with packages.
ALTER TABLE images ADD COLUMN packages TEXT NOT NULL DEFAULT '[]';
ALTER TABLE images ADD COLUMN min_cpus BIGINT;
ALTER TABLE images ADD COLUMN min_memory_mib BIGINT;
ALTER TABLE images ADD COLUMN min_disk_gib BIGINT;

ALTER TABLE servers ADD COLUMN hostname TEXT NOT NULL DEFAULT '';
ALTER TABLE servers ADD COLUMN public_keys TEXT NOT NULL DEFAULT '[]';
ALTER TABLE servers ADD COLUMN sealed_user_data BLOB;
ALTER TABLE servers ADD COLUMN cpus BIGINT NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN memory_mib BIGINT NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN disk_gib BIGINT NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN bandwidth_tb BIGINT NOT NULL DEFAULT 0;
-- What was agreed on: its plan may have another price for the servers to come.
ALTER TABLE servers ADD COLUMN hourly BIGINT NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN monthly BIGINT NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN netmask TEXT;
ALTER TABLE servers ADD COLUMN gateway TEXT;
ALTER TABLE servers ADD COLUMN public_ipv6 TEXT;
-- Made from that snapshot.
ALTER TABLE servers ADD COLUMN snapshot_id BIGINT;
-- Switched off for want of money: to be switched on when there is some.
ALTER TABLE servers ADD COLUMN suspended BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX servers_suspended ON servers (id) WHERE suspended;
-- Where no price by the month was set, a month has no limit but its hours.
UPDATE plans SET monthly = hourly * 744 WHERE monthly < hourly;
UPDATE servers SET
    cpus = COALESCE((SELECT p.cpus FROM plans p WHERE p.slug = servers.plan), 0),
    memory_mib = COALESCE((SELECT p.memory_mib FROM plans p WHERE p.slug = servers.plan), 0),
    disk_gib = COALESCE((SELECT p.disk_gib FROM plans p WHERE p.slug = servers.plan), 0),
    bandwidth_tb = COALESCE((SELECT p.bandwidth_tb FROM plans p WHERE p.slug = servers.plan), 0),
    hourly = COALESCE((SELECT p.hourly FROM plans p WHERE p.slug = servers.plan), 0),
    monthly = COALESCE((SELECT p.monthly FROM plans p WHERE p.slug = servers.plan), 0);

ALTER TABLE operations ADD COLUMN sealed_input BLOB;
CREATE INDEX operations_of_organisation ON operations (organisation_id, created_at);

CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    server_id BIGINT NOT NULL REFERENCES servers (id),
    name TEXT NOT NULL,
    -- Its name at the cloud, chosen before the cloud is called.
    cloud_name TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    image TEXT NOT NULL,
    disk_gib BIGINT NOT NULL,
    size_bytes BIGINT,
    state TEXT NOT NULL,
    error TEXT,
    created_at BIGINT NOT NULL,
    destroyed_at BIGINT
);
CREATE UNIQUE INDEX snapshots_by_name ON snapshots (server_id, name) WHERE destroyed_at IS NULL;
CREATE INDEX snapshots_of_organisation ON snapshots (organisation_id, id) WHERE destroyed_at IS NULL;

-- The public keys that an organisation lets into its new servers.
CREATE TABLE ssh_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    name TEXT NOT NULL,
    public_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organisation_id, fingerprint),
    UNIQUE (organisation_id, name)
);

-- The hypervisor's counters as they were last read.
CREATE TABLE traffic_counters (
    server_id BIGINT PRIMARY KEY REFERENCES servers (id),
    at BIGINT NOT NULL,
    -- Which counters these are: others begin at nothing.
    epoch TEXT NOT NULL,
    received_bytes BIGINT NOT NULL,
    sent_bytes BIGINT NOT NULL
);
-- By five minutes (resolution 300) for a week, by the hour (3600) for a year. Both are in seconds; began_at is a time like
-- all others, at a multiple of them.
CREATE TABLE traffic_samples (
    server_id BIGINT NOT NULL REFERENCES servers (id),
    resolution BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    received_bytes BIGINT NOT NULL,
    sent_bytes BIGINT NOT NULL,
    PRIMARY KEY (server_id, resolution, began_at)
);
CREATE INDEX traffic_samples_by_age ON traffic_samples (resolution, began_at);

-- What an organisation may have at the operator's regions; a limit that is not set is the operator's general one.
CREATE TABLE quotas (
    organisation_id BIGINT PRIMARY KEY REFERENCES organisations (id),
    servers BIGINT,
    cpus BIGINT,
    memory_mib BIGINT,
    disk_gib BIGINT,
    snapshots BIGINT
);

-- When a server cost what: one open interval for each server that is there, closed when it changes its plan or goes.
CREATE TABLE billing_intervals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    server_id BIGINT NOT NULL REFERENCES servers (id),
    plan TEXT NOT NULL,
    hourly BIGINT NOT NULL,
    monthly BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    ended_at BIGINT,
    -- Whether all of its hours were charged, so that nobody looks at it again.
    settled BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE UNIQUE INDEX billing_intervals_open ON billing_intervals (server_id) WHERE ended_at IS NULL;
CREATE INDEX billing_intervals_unsettled ON billing_intervals (organisation_id, server_id) WHERE NOT settled;
CREATE INDEX billing_intervals_of_server ON billing_intervals (server_id, began_at);

-- The ledger: each transaction moves an amount from one account to another, and is never changed.
CREATE TABLE ledger_transactions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    -- The number of the transaction among those of its organisation: 1, 2, 3.
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    amount BIGINT NOT NULL,
    balance_after BIGINT NOT NULL,
    description TEXT NOT NULL,
    -- What may happen once and no more, such as a payment of a provider, by its id there.
    once TEXT UNIQUE,
    created_at BIGINT NOT NULL,
    UNIQUE (organisation_id, seq)
);
CREATE TABLE ledger_lines (
    transaction_id BIGINT NOT NULL REFERENCES ledger_transactions (id),
    account TEXT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (transaction_id, account)
);
CREATE INDEX ledger_lines_of_account ON ledger_lines (account);

-- What an organisation has, kept beside the ledger in the same transactions; its row is the lock.
CREATE TABLE balances (
    organisation_id BIGINT PRIMARY KEY REFERENCES organisations (id),
    balance BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    warned_at BIGINT,
    -- Whether it has had its starting credit, or there was none to be had.
    started BOOLEAN NOT NULL DEFAULT FALSE,
    -- The first month in which something was charged that is on no invoice yet.
    open_month BIGINT
);
CREATE INDEX balances_open ON balances (open_month) WHERE open_month IS NOT NULL;

-- Each started hour of each server, charged once: the key says so.
CREATE TABLE charges (
    server_id BIGINT NOT NULL REFERENCES servers (id),
    hour BIGINT NOT NULL,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    began_at BIGINT NOT NULL,
    -- The calendar month of its beginning: year * 100 + month.
    month BIGINT NOT NULL,
    plan TEXT NOT NULL,
    amount BIGINT NOT NULL,
    -- None where the hour cost nothing.
    transaction_id BIGINT REFERENCES ledger_transactions (id),
    PRIMARY KEY (server_id, hour)
);
CREATE INDEX charges_of_month ON charges (organisation_id, month, server_id);

-- The last number of each kind that was given out. Its row is locked until the number stands where it belongs, so that
-- there are no gaps.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE invoices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    number BIGINT NOT NULL UNIQUE,
    month BIGINT NOT NULL,
    lines TEXT NOT NULL,
    total BIGINT NOT NULL,
    currency TEXT NOT NULL,
    -- As they were called when it was written.
    seller TEXT NOT NULL,
    customer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organisation_id, month)
);

-- The environment in which an organisation's servers are that were asked for one by one: one for each region.
ALTER TABLE environments ADD COLUMN is_of_singles BOOLEAN NOT NULL DEFAULT FALSE;
CREATE UNIQUE INDEX environments_of_singles ON environments (provider_id, region)
    WHERE is_of_singles AND NOT deleting AND deleted_at IS NULL;

-- What an organisation is told that is no operation on a server: that its money runs low, for one.
CREATE TABLE notices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX notices_of_organisation ON notices (organisation_id, created_at);
CREATE INDEX operations_pending_of_organisation ON operations (organisation_id, id) WHERE status IN ('queued', 'running');

-- What was written of money stays as it is, whoever asks.
CREATE TRIGGER ledger_transactions_no_update BEFORE UPDATE ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'ledger_transactions is only ever added to'); END;
CREATE TRIGGER ledger_transactions_no_delete BEFORE DELETE ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'ledger_transactions is only ever added to'); END;
CREATE TRIGGER ledger_lines_no_update BEFORE UPDATE ON ledger_lines
BEGIN SELECT RAISE(ABORT, 'ledger_lines is only ever added to'); END;
CREATE TRIGGER ledger_lines_no_delete BEFORE DELETE ON ledger_lines
BEGIN SELECT RAISE(ABORT, 'ledger_lines is only ever added to'); END;
CREATE TRIGGER charges_no_update BEFORE UPDATE ON charges
BEGIN SELECT RAISE(ABORT, 'charges is only ever added to'); END;
CREATE TRIGGER charges_no_delete BEFORE DELETE ON charges
BEGIN SELECT RAISE(ABORT, 'charges is only ever added to'); END;
CREATE TRIGGER invoices_no_update BEFORE UPDATE ON invoices
BEGIN SELECT RAISE(ABORT, 'invoices is only ever added to'); END;
CREATE TRIGGER invoices_no_delete BEFORE DELETE ON invoices
BEGIN SELECT RAISE(ABORT, 'invoices is only ever added to'); END;
