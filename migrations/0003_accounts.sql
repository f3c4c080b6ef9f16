-- People who come by themselves, and what is sent to them.

-- Until when a person who signed up may prove their address; nothing once it is proved, or if an operator made the account.
ALTER TABLE users ADD COLUMN verify_by BIGINT;
-- When an account goes for good that its owner wants deleted.
ALTER TABLE users ADD COLUMN delete_at BIGINT;
CREATE INDEX users_verify_by ON users (verify_by) WHERE verify_by IS NOT NULL;
CREATE INDEX users_delete_at ON users (delete_at) WHERE delete_at IS NOT NULL;

-- A link, or a code of six digits, that was sent to an address and is good once. The address is part of the row: nothing
-- but what it was sent to is ever proved by it.
CREATE TABLE one_time_tokens (
    id TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    code_tag TEXT NOT NULL,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    browser_hash TEXT NOT NULL,
    interaction_id TEXT,
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX one_time_tokens_email_key ON one_time_tokens (email_key);
CREATE INDEX one_time_tokens_user_id ON one_time_tokens (user_id);
CREATE INDEX one_time_tokens_interaction_id ON one_time_tokens (interaction_id);
CREATE INDEX one_time_tokens_expires_at ON one_time_tokens (expires_at);

-- Another resource (RFC 8707) is another question.
ALTER TABLE consents ADD COLUMN resources TEXT NOT NULL DEFAULT '[]';

-- Nothing takes a lease: rotation and the outbox decide by conditional statements.
DROP TABLE leases;
