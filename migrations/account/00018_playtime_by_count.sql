-- Those who are watched, and are to be counted next.
-- +goose Up
CREATE INDEX playtime_by_count ON playtime (watched, counted_at);
