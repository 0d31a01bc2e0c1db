-- A player's seasons.
-- +goose Up
CREATE INDEX season_places_by_player ON season_places (player, area, season);
