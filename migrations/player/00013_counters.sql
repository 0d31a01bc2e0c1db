-- How often a player has done what is limited, in the newest period in which he has: a day is 20260131, a week its Monday, 0 is ever.
-- +goose Up
CREATE TABLE counters (
    player BIGINT      NOT NULL,
    name   VARCHAR(64) NOT NULL,
    period BIGINT      NOT NULL,
    count  BIGINT      NOT NULL,
    PRIMARY KEY (player, name),
    CHECK (count >= 0)
);
