-- Apps that register themselves, and subjects that differ from app to app.

ALTER TABLE clients ADD COLUMN self_registered BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX clients_self_registered ON clients (id) WHERE NOT self_registered;

-- What only a client that registered itself has: the token with which it looks after itself, and when it was first used.
CREATE TABLE client_registrations (
    client_id TEXT PRIMARY KEY REFERENCES clients (client_id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX client_registrations_created_at ON client_registrations (created_at) WHERE used_at IS NULL;

-- The web origins of those clients, so that a preflight finds one among very many.
CREATE TABLE client_origins (
    origin TEXT NOT NULL,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    PRIMARY KEY (origin, client_id)
);
CREATE INDEX client_origins_client_id ON client_origins (client_id);

-- Logos are asked for by their digest.
CREATE INDEX client_logos_digest ON client_logos (digest);

-- What an operator hands out to those who may register an app; any number of times if no uses are counted.
CREATE TABLE registration_tokens (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    uses_left BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX registration_tokens_expires_at ON registration_tokens (expires_at);

-- The salt of pairwise subjects: made once, sealed, never changed, or every app would see strangers.
CREATE TABLE pairwise_salts (
    id TEXT PRIMARY KEY,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
