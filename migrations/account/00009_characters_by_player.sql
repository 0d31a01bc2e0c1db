-- Whose a player is.
-- +goose Up
CREATE UNIQUE INDEX characters_by_player ON characters (player);
