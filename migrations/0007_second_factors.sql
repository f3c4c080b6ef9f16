-- What people have beside their first proof, and how a session was proved.

-- When a second factor was last proved in a session, and whether it was left out because the browser is remembered.
ALTER TABLE sessions ADD COLUMN second_at BIGINT;
ALTER TABLE sessions ADD COLUMN device_trusted BOOLEAN NOT NULL DEFAULT FALSE;

-- When a person last proved a second factor in a browser: only there do they guess on an account of their own.
ALTER TABLE known_devices ADD COLUMN second_at BIGINT;

-- One thing that a person has. What it works with is sealed for its own row. A code belongs to a step of time; a row takes steps
-- in growing order only, so that a code is good once. It counts once it was confirmed, and goes if it never is.
CREATE TABLE factors (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    sealed TEXT NOT NULL,
    last_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX factors_user_id ON factors (user_id);
CREATE INDEX factors_created_at ON factors (created_at) WHERE confirmed_at IS NULL;

-- Codes for who has lost everything else: their tags under a key of ours, bound to their rows.
CREATE TABLE recovery_codes (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX recovery_codes_user_id ON recovery_codes (user_id);

-- A code that was sent for a factor: good once, in the browser and for the errand for which it was asked.
CREATE TABLE factor_challenges (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    -- The factor that it is for; nothing for the address of the account.
    factor_id TEXT,
    -- The interaction, or the session of the account page, that asked.
    asked_by TEXT NOT NULL,
    browser_hash TEXT NOT NULL,
    code_tag TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX factor_challenges_user_id ON factor_challenges (user_id);
CREATE INDEX factor_challenges_expires_at ON factor_challenges (expires_at);

-- Browsers in which a person is not asked for the second factor for a while. They are forgotten with every change of what the
-- account is proved by.
CREATE TABLE trusted_devices (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL UNIQUE,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX trusted_devices_user_id ON trusted_devices (user_id);
CREATE INDEX trusted_devices_expires_at ON trusted_devices (expires_at);

-- Until when a person may go without the second factor that the house wants of them, and when an operator's reset of all
-- that they have takes effect.
CREATE TABLE factor_terms (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    due_at BIGINT,
    reset_at BIGINT
);
CREATE INDEX factor_terms_reset_at ON factor_terms (reset_at) WHERE reset_at IS NOT NULL;

-- Groups of people of whom the house wants more.
CREATE TABLE group_members (
    group_name TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, group_name)
);

-- By what it is known that the first line of the master key file is the one that this database was made with: everything derived
-- hangs on it. The row holds a tag under it and says nothing of the key.
CREATE TABLE master_key_prints (
    id TEXT PRIMARY KEY,
    print TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
