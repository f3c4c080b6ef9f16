-- What ends with the standing of a person's browsers.

-- How often everybody who had come in was made a stranger. A first proof that waits for the second one keeps the number under which
-- it was given, and is worth nothing under the next.
ALTER TABLE users ADD COLUMN entry_generation BIGINT NOT NULL DEFAULT 0;

-- The browser of the row: its session loses the trust when the browser is forgotten. Nothing for browsers from before.
ALTER TABLE trusted_devices ADD COLUMN browser_hash TEXT;
