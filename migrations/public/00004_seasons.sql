-- The seasons of an area, numbered from 1. ended_at is 0 while one is on; settled is 1 when everybody has got what it gives.
-- +goose Up
CREATE TABLE seasons (
    area      INT    NOT NULL,
    number    INT    NOT NULL,
    starts_at BIGINT NOT NULL,
    ended_at  BIGINT NOT NULL,
    settled   INT    NOT NULL,
    PRIMARY KEY (area, number)
);
