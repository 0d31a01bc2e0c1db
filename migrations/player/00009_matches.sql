-- A player's match history. Match ids grow with time, so that the key is in the order of play.
-- +goose Up
CREATE TABLE matches (
    player        BIGINT      NOT NULL,
    match_id      BIGINT      NOT NULL,
    mode          VARCHAR(32) NOT NULL,
    place         INT         NOT NULL,
    score         BIGINT      NOT NULL,
    rating_before INT         NOT NULL,
    rating_after  INT         NOT NULL,
    ended_at      BIGINT      NOT NULL,
    PRIMARY KEY (player, match_id)
);
