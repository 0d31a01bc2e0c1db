-- One row a player. epoch is the fence of the world that holds the player; version counts every change of the row.
-- locks: every transaction on a player locks this row first.
-- +goose Up
CREATE TABLE players (
    id             BIGINT      NOT NULL PRIMARY KEY,
    account        BIGINT      NOT NULL,
    area           INT         NOT NULL,
    origin         INT         NOT NULL,
    name           VARCHAR(64) NOT NULL,
    level          INT         NOT NULL,
    exp            BIGINT      NOT NULL,
    rating         INT         NOT NULL,
    epoch          BIGINT      NOT NULL,
    version        BIGINT      NOT NULL,
    schema_version INT         NOT NULL,
    state          MEDIUMTEXT  NOT NULL,
    created_at     BIGINT      NOT NULL,
    updated_at     BIGINT      NOT NULL,
    CHECK (JSON_VALID(state))
);
