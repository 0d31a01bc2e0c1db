-- Orders whose money went back and whose goods have not been taken back yet.
-- +goose Up
CREATE INDEX orders_by_refund ON orders (state, refunded_at);
