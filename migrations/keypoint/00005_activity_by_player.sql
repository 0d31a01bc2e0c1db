-- Whether a player was active before a day, and after.
-- +goose Up
CREATE INDEX activity_by_player ON activity (app, player, day);
