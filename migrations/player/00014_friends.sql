-- What another player (friend) is to a player: 1 a friend, 2 asked, 3 has asked, 4 blocked. The first three are there from both sides.
-- locks: both players' rows, in the order of their ids, before a pair of rows changes.
-- +goose Up
CREATE TABLE friends (
    player BIGINT NOT NULL,
    friend BIGINT NOT NULL,
    bond   INT    NOT NULL,
    since  BIGINT NOT NULL,
    PRIMARY KEY (player, friend)
);
