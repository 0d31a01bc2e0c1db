-- The newest ones, and those that are old enough to be deleted.
-- +goose Up
CREATE INDEX commands_by_time ON commands (started_at);
