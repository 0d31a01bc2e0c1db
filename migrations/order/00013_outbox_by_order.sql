-- One piece of work of each kind an order.
-- +goose Up
CREATE UNIQUE INDEX outbox_by_order ON outbox (order_id, kind);
