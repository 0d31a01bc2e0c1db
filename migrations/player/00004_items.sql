-- How many of each item a player has now.
-- +goose Up
CREATE TABLE items (
    player BIGINT NOT NULL,
    item   INT    NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (player, item),
    CHECK (amount >= 0)
);
