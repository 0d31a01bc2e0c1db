-- For how much of it goods are taken back, or perhaps are.
-- +goose Up
ALTER TABLE orders ADD COLUMN revoking_sum BIGINT NOT NULL DEFAULT 0;
