-- How a season has ended. played is 0 for those who have only kept a rating; they come after all others. settled is 1 when the player has got what
-- the season gives.
-- +goose Up
CREATE TABLE season_places (
    area    INT         NOT NULL,
    season  INT         NOT NULL,
    place   BIGINT      NOT NULL,
    player  BIGINT      NOT NULL,
    name    VARCHAR(64) NOT NULL,
    score   BIGINT      NOT NULL,
    played  INT         NOT NULL,
    settled INT         NOT NULL,
    PRIMARY KEY (area, season, place)
);
