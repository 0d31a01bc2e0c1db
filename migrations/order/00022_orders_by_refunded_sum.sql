-- Orders of whose money part went back.
-- +goose Up
CREATE INDEX orders_by_refunded_sum ON orders (refunded_sum);
