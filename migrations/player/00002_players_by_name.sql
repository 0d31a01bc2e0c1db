-- A name is unique among the players that began in one area, so that areas can be merged.
-- +goose Up
CREATE UNIQUE INDEX players_by_name ON players (origin, name);
