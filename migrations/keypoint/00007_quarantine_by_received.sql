-- The newest of what is in quarantine, and the oldest, which is dropped.
-- +goose Up
CREATE INDEX quarantine_by_received ON quarantine (received);
