-- What a player has of each currency now.
-- +goose Up
CREATE TABLE wallets (
    player   BIGINT      NOT NULL,
    currency VARCHAR(32) NOT NULL,
    amount   BIGINT      NOT NULL,
    PRIMARY KEY (player, currency),
    CHECK (amount >= 0)
);
