-- Who has ever ordered: the row that is locked while a player's orders are counted and one more is made.
-- +goose Up
CREATE TABLE buyers (
    player BIGINT NOT NULL PRIMARY KEY
);
