-- Those that still reach somebody.
-- +goose Up
CREATE INDEX broadcasts_by_expiry ON broadcasts (expires_at);
