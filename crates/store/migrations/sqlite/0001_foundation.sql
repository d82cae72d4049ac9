-- What Arcus knows. Times are microseconds since 1970, UTC. Secrets stand only in columns named sealed_*.

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE organisations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    email TEXT NOT NULL UNIQUE,
    user_name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX users_of_organisation ON users (organisation_id);

-- Persistent and refreshing tokens come in pairs; only their hashes are kept.
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL REFERENCES users (id),
    persistent_hash TEXT NOT NULL UNIQUE,
    refreshing_hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- One-time tokens that let somebody register: the first start's, and invitations.
CREATE TABLE invitations (
    token_hash TEXT PRIMARY KEY,
    organisation_id BIGINT REFERENCES organisations (id),
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE key_pairs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id TEXT NOT NULL UNIQUE,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    purpose TEXT NOT NULL,
    name TEXT NOT NULL,
    public_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    sealed_private_key BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organisation_id, purpose)
);

-- The operator's own regions, plans and images.
CREATE TABLE regions (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    cloud TEXT NOT NULL,
    options TEXT NOT NULL,
    sealed_credentials BLOB NOT NULL,
    open BOOLEAN NOT NULL,
    source TEXT NOT NULL
);

CREATE TABLE plans (
    slug TEXT PRIMARY KEY,
    family TEXT NOT NULL,
    cpus BIGINT NOT NULL,
    memory_mib BIGINT NOT NULL,
    disk_gib BIGINT NOT NULL,
    bandwidth_tb BIGINT NOT NULL,
    hourly BIGINT NOT NULL,
    monthly BIGINT NOT NULL,
    open BOOLEAN NOT NULL,
    source TEXT NOT NULL
);

CREATE TABLE images (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    distribution TEXT NOT NULL,
    login_user TEXT NOT NULL,
    places TEXT NOT NULL,
    open BOOLEAN NOT NULL,
    source TEXT NOT NULL
);

CREATE TABLE providers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id TEXT NOT NULL UNIQUE,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    sealed_credentials BLOB NOT NULL,
    offer TEXT,
    offer_at BIGINT,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX providers_by_name ON providers (organisation_id, name) WHERE deleted_at IS NULL;

CREATE TABLE applications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id TEXT NOT NULL UNIQUE,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX applications_by_name ON applications (organisation_id, name) WHERE deleted_at IS NULL;

CREATE TABLE environments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id TEXT NOT NULL UNIQUE,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    application_id BIGINT NOT NULL REFERENCES applications (id),
    provider_id BIGINT NOT NULL REFERENCES providers (id),
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    integrations TEXT NOT NULL,
    deleting BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX environments_by_name ON environments (application_id, name) WHERE deleted_at IS NULL;
CREATE INDEX environments_of_organisation ON environments (organisation_id, id) WHERE deleted_at IS NULL;
CREATE INDEX environments_of_provider ON environments (provider_id) WHERE deleted_at IS NULL;

CREATE TABLE servers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id TEXT NOT NULL UNIQUE,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    environment_id BIGINT REFERENCES environments (id),
    provider_id BIGINT NOT NULL REFERENCES providers (id),
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    cloud_name TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE,
    cloud_id TEXT,
    plan TEXT NOT NULL,
    image TEXT NOT NULL,
    login_user TEXT NOT NULL,
    packages TEXT NOT NULL,
    tags TEXT NOT NULL,
    desired TEXT NOT NULL,
    power TEXT NOT NULL,
    setup TEXT NOT NULL,
    error TEXT,
    public_ip TEXT,
    private_ip TEXT,
    host_key TEXT,
    deleted_name TEXT,
    created_by BIGINT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    destroyed_at BIGINT
);
CREATE UNIQUE INDEX servers_by_cloud_name ON servers (cloud_name) WHERE destroyed_at IS NULL;
CREATE UNIQUE INDEX servers_by_name ON servers (environment_id, name) WHERE destroyed_at IS NULL;
CREATE INDEX servers_of_organisation ON servers (organisation_id, id) WHERE destroyed_at IS NULL;
CREATE INDEX servers_of_environment ON servers (environment_id, id);
CREATE INDEX servers_of_provider ON servers (provider_id, region, id);
CREATE INDEX servers_of_region ON servers (region, id) WHERE destroyed_at IS NULL;

-- The queue. A row is claimed by a lease; every write of its worker is guarded by the fence.
CREATE TABLE operations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    server_id BIGINT NOT NULL REFERENCES servers (id),
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    actor BIGINT REFERENCES users (id),
    facade TEXT NOT NULL,
    lane TEXT NOT NULL,
    input TEXT NOT NULL,
    input_version BIGINT NOT NULL,
    status TEXT NOT NULL,
    step TEXT NOT NULL,
    percent BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until BIGINT,
    fence BIGINT NOT NULL,
    cancel_requested BOOLEAN NOT NULL,
    output TEXT NOT NULL,
    error TEXT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT
);
CREATE INDEX operations_waiting ON operations (lane, id) WHERE status IN ('queued', 'running');
CREATE INDEX operations_of_server ON operations (server_id, id);
CREATE UNIQUE INDEX operations_one_running ON operations (server_id) WHERE status = 'running';

CREATE TABLE operation_events (
    operation_id BIGINT NOT NULL REFERENCES operations (id),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    step TEXT NOT NULL,
    percent BIGINT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (operation_id, seq)
);

CREATE TABLE integrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id TEXT NOT NULL UNIQUE,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    sealed_meta BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX integrations_by_name ON integrations (organisation_id, kind, name) WHERE deleted_at IS NULL;

-- What clients tell about themselves: command histories and feedback.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id BIGINT NOT NULL REFERENCES organisations (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Every changing call, each line hashed together with the one before.
CREATE TABLE audit (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    organisation_id BIGINT,
    user_id BIGINT,
    facade TEXT NOT NULL,
    request_id TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    hash TEXT NOT NULL
);

-- Instances at a cloud that bear our tag and that no server accounts for.
CREATE TABLE orphans (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    cloud_id TEXT NOT NULL,
    token TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    UNIQUE (account, region, cloud_id)
);
