-- Who has which node id, and with it the worker number of generated ids.
-- +goose Up
CREATE TABLE node_ids (
    node        INT          NOT NULL PRIMARY KEY,
    boot        BIGINT       NOT NULL,
    holder      VARCHAR(191) NOT NULL,
    alive_until BIGINT       NOT NULL
);
