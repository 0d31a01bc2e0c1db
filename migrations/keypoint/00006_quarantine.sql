-- What came and was no declared event, with the reason and as much of its text as is kept. entry and number are its place in the stream: it is stored once.
-- +goose Up
CREATE TABLE quarantine (
    entry    VARCHAR(64)  NOT NULL,
    number   INT          NOT NULL,
    app      VARCHAR(32)  NOT NULL,
    reason   VARCHAR(32)  NOT NULL,
    detail   VARCHAR(191) NOT NULL,
    body     MEDIUMTEXT   NOT NULL,
    received BIGINT       NOT NULL,
    PRIMARY KEY (entry, number)
);
