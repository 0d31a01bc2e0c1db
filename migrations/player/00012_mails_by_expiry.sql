-- Finds what has expired, to delete it.
-- +goose Up
CREATE INDEX mails_by_expiry ON mails (expires_at);
