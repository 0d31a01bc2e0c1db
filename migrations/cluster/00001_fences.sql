-- The newest epoch of each fenced name. Epochs outlive Redis.
-- +goose Up
CREATE TABLE fences (
    name  VARCHAR(191) NOT NULL PRIMARY KEY,
    epoch BIGINT       NOT NULL
);
