-- How many of each item a player has now.
-- +goose Up
CREATE TABLE items (
    player BIGINT      NOT NULL,
    item   VARCHAR(32) NOT NULL,
    amount BIGINT      NOT NULL,
    PRIMARY KEY (player, item),
    CHECK (amount >= 0)
);
