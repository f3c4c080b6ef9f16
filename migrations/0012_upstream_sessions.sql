-- The sessions that came by a provider, in portions: they end when it is removed.
CREATE INDEX upstream_sessions_upstream_id ON upstream_sessions (upstream_id, session_id);
