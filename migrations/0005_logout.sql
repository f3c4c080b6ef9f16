-- Whom to tell that a session ended, and what became of it.

-- Whether a client's definition names an address for back-channel logout.
ALTER TABLE clients ADD COLUMN hears_logout BOOLEAN NOT NULL DEFAULT FALSE;

-- One row for each app that got something in a session that ended (OpenID Connect Back-Channel Logout 1.0 section 2.7). The
-- session and its person may be gone by the time it is sent, so a row names them by what the app knows and by no foreign key.
-- `next_at` is when it is tried next; a worker that takes a row moves it ahead, which is its lease. It is NULL once nothing is
-- to be done any more: confirmed, given up, or not wanted by the app.
CREATE TABLE logout_deliveries (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    sid TEXT NOT NULL,
    sub TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    next_at BIGINT,
    attempts BIGINT NOT NULL,
    confirmed_at BIGINT,
    failed_at BIGINT,
    last_error TEXT
);
CREATE INDEX logout_deliveries_next_at ON logout_deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX logout_deliveries_session_id ON logout_deliveries (session_id);
CREATE INDEX logout_deliveries_expires_at ON logout_deliveries (expires_at);

-- What the page after signing out shows to the browser that did, and to nobody else.
CREATE TABLE farewells (
    id TEXT PRIMARY KEY,
    browser_hash TEXT NOT NULL,
    detail TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX farewells_expires_at ON farewells (expires_at);

-- Sessions that nobody uses any more are found by the sweep.
CREATE INDEX sessions_last_seen_at ON sessions (last_seen_at) WHERE ended_at IS NULL;
