-- The processes that use this database, and the stack of each: at most one stack is alive here.
-- +goose Up
CREATE TABLE stacks (
    holder      VARCHAR(191) NOT NULL PRIMARY KEY,
    stack       VARCHAR(64)  NOT NULL,
    alive_until BIGINT       NOT NULL
);
