-- Other identity providers that people may sign in with, and who people are there.

-- What the operator said of a provider, as JSON, and its client secret, sealed.
CREATE TABLE upstreams (
    id TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    sealed_secret TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Who a person is elsewhere: always by issuer and subject, never by address and never by our name for the provider.
CREATE TABLE identities (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    upstream_id TEXT NOT NULL,
    shown TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    UNIQUE (issuer, subject)
);
CREATE INDEX identities_user_id ON identities (user_id);

-- One way to a provider and back, good once, for one browser and one interaction. Nonce and verifier are sealed; so is an
-- answer that came by POST and waits for the browser's cookies.
CREATE TABLE upstream_attempts (
    id TEXT PRIMARY KEY,
    state_hash TEXT NOT NULL UNIQUE,
    upstream_id TEXT NOT NULL,
    browser_hash TEXT NOT NULL,
    interaction_id TEXT NOT NULL,
    session_id TEXT,
    sealed TEXT NOT NULL,
    sealed_answer TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX upstream_attempts_expires_at ON upstream_attempts (expires_at);

-- Somebody whom a provider vouched for, and who has to do something here first: sign in to the account that has their address,
-- or give and prove an address.
CREATE TABLE upstream_arrivals (
    id TEXT PRIMARY KEY,
    interaction_id TEXT NOT NULL,
    browser_hash TEXT NOT NULL,
    sealed TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX upstream_arrivals_expires_at ON upstream_arrivals (expires_at);

-- Which session began at which provider's session, so that the end of one can be the end of the other. The ID token is kept
-- only where the operator wants people signed out there too, sealed.
CREATE TABLE upstream_sessions (
    session_id TEXT PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    upstream_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    sid TEXT,
    sealed_id_token TEXT
);
CREATE INDEX upstream_sessions_issuer_subject ON upstream_sessions (issuer, subject);
CREATE INDEX upstream_sessions_issuer_sid ON upstream_sessions (issuer, sid);
