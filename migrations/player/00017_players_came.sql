-- Since when a player has been in the game, in ms; 0: he is not.
-- +goose Up
ALTER TABLE players ADD COLUMN came_at BIGINT NOT NULL DEFAULT 0;
