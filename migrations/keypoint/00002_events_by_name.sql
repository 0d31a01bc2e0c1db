-- Who did what on which days, for funnels and conversion; it covers them.
-- +goose Up
CREATE INDEX events_by_name ON events (app, name, day, player, at);
