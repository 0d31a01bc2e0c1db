-- For how much of it they surely are.
-- +goose Up
ALTER TABLE orders ADD COLUMN revoked_sum BIGINT NOT NULL DEFAULT 0;
