-- Players who were erased, and their accounts: what was told of them before, and comes after, is not stored.
-- +goose Up
CREATE TABLE erased_players (
    player BIGINT NOT NULL PRIMARY KEY
);
