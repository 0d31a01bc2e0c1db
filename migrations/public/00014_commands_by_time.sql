-- The newest ones. None is deleted: an id is never used again.
-- +goose Up
CREATE INDEX commands_by_time ON commands (started_at);
