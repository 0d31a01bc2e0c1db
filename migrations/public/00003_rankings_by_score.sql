-- How many have a score; who is in a season.
-- +goose Up
CREATE INDEX rankings_by_score ON rankings (area, board, score);
