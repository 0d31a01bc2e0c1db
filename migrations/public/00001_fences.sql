-- The epochs of whoever leads, which fence its writes. With MySQL it is the table of owner cluster, which is there already.
-- +goose Up
CREATE TABLE IF NOT EXISTS fences (
    name  VARCHAR(191) NOT NULL PRIMARY KEY,
    epoch BIGINT       NOT NULL
);
