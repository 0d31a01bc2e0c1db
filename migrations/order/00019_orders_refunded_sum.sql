-- How much of an order's price went back, in minor units. Orders of before have 0 though they may be refunded, which refunded_at says.
-- +goose Up
ALTER TABLE orders ADD COLUMN refunded_sum BIGINT NOT NULL DEFAULT 0;
