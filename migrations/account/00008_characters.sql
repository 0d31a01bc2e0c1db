-- Which player an account plays in an area.
-- +goose Up
CREATE TABLE characters (
    account    BIGINT NOT NULL,
    area       INT    NOT NULL,
    player     BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, area)
);
