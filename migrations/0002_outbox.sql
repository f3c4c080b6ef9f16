-- Mail that waits to be sent. What is in it is sealed, for links and codes are secrets.

-- `next_at` is when it is tried next; a worker that takes a row moves it ahead, which is its lease. It is NULL once nothing
-- is to be done any more: sent, failed, or too old.
CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    next_at BIGINT,
    attempts BIGINT NOT NULL,
    sent_at BIGINT,
    failed_at BIGINT,
    last_error TEXT
);
CREATE INDEX outbox_next_at ON outbox (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX outbox_expires_at ON outbox (expires_at);
