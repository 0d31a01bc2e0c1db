-- What was said to all in an area, in order. Old lines are deleted.
-- +goose Up
CREATE TABLE chat (
    area   INT          NOT NULL,
    number BIGINT       NOT NULL,
    player BIGINT       NOT NULL,
    name   VARCHAR(64)  NOT NULL,
    text   VARCHAR(500) NOT NULL,
    at     BIGINT       NOT NULL,
    PRIMARY KEY (area, number)
);
