-- A person's own events are read newest first, a page at a time: the index is in that order.
DROP INDEX audit_events_user_id;
CREATE INDEX audit_events_user_id ON audit_events (user_id, id);
