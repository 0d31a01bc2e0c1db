-- A player's match history. Match ids grow with time, so that the key is in the order of play; reward is a JSON object of amounts by
-- currency.
-- +goose Up
CREATE TABLE matches (
    player        BIGINT      NOT NULL,
    match_id      BIGINT      NOT NULL,
    mode          VARCHAR(32) NOT NULL,
    ended_at      BIGINT      NOT NULL,
    place         INT         NOT NULL,
    players       INT         NOT NULL,
    score         INT         NOT NULL,
    kills         INT         NOT NULL,
    deaths        INT         NOT NULL,
    rating_before INT         NOT NULL,
    rating_after  INT         NOT NULL,
    exp           BIGINT      NOT NULL,
    reward        MEDIUMTEXT  NOT NULL,
    PRIMARY KEY (player, match_id),
    CHECK (JSON_VALID(reward))
);
