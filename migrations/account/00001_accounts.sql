-- A person, however they log in.
-- +goose Up
CREATE TABLE accounts (
    id         BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);
