-- A player's score on each board: what Redis sorts is made from this. Of two that have the same score, the one who reached it first is before the other.
-- version is that of the player's row from which the score was taken, and matched_at the end of his last match.
-- locks: whoever writes locks the row of public in fences first.
-- +goose Up
CREATE TABLE rankings (
    board      VARCHAR(16) NOT NULL,
    player     BIGINT      NOT NULL,
    area       INT         NOT NULL,
    name       VARCHAR(64) NOT NULL,
    score      BIGINT      NOT NULL,
    reached_at BIGINT      NOT NULL,
    matched_at BIGINT      NOT NULL,
    version    BIGINT      NOT NULL,
    PRIMARY KEY (board, player)
);
