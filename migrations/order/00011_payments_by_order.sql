-- What was told of an order.
-- +goose Up
CREATE INDEX payments_by_order ON payments (order_id, id);
