-- A player's events, for erasing what they say.
-- +goose Up
CREATE INDEX events_by_player ON events (player);
