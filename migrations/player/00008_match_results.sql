-- One row a match: that it is recorded, and the result that a repetition gets.
-- +goose Up
CREATE TABLE match_results (
    id         BIGINT      NOT NULL PRIMARY KEY,
    mode       VARCHAR(32) NOT NULL,
    area       INT         NOT NULL,
    seed       BIGINT      NOT NULL,
    started_at BIGINT      NOT NULL,
    ended_at   BIGINT      NOT NULL,
    result     MEDIUMTEXT  NOT NULL,
    CHECK (JSON_VALID(result))
);
