-- Who proved that an address is a person's, and when somebody proved themselves.

-- Whether that was by a mail of ours, by the operator, or by a provider whose word is as good (decision 17). An address that is
-- verified and not this was claimed by another provider: the first mail of ours that is answered takes away what came before.
ALTER TABLE users ADD COLUMN address_proved_here BOOLEAN NOT NULL DEFAULT FALSE;
-- What a provider made began together with its identity.
UPDATE users SET address_proved_here = TRUE
 WHERE email_verified
   AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.user_id = users.id AND i.created_at = users.created_at
        AND i.issuer NOT IN ('https://github.com', 'https://appleid.apple.com')
        AND NOT (i.issuer = 'https://accounts.google.com' AND users.email_key LIKE '%@gmail.com'));

-- Whether the time of a session is known to be when the person proved themselves; not where another provider did not say.
ALTER TABLE sessions ADD COLUMN is_dated BOOLEAN NOT NULL DEFAULT TRUE;
UPDATE sessions SET is_dated = FALSE WHERE id IN (SELECT session_id FROM upstream_sessions);
