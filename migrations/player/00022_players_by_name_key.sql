-- And so a name is unique among the players that began in one area.
-- +goose Up
CREATE UNIQUE INDEX players_by_name_key ON players (origin, name_key);
