-- Who may not say anything to all, and until when.
-- +goose Up
CREATE TABLE mutes (
    player BIGINT       NOT NULL PRIMARY KEY,
    until  BIGINT       NOT NULL,
    reason VARCHAR(500) NOT NULL,
    author VARCHAR(64)  NOT NULL
);
