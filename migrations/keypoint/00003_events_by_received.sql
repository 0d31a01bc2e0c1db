-- The oldest events, which are dropped.
-- +goose Up
CREATE INDEX events_by_received ON events (received);
