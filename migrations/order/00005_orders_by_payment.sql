-- The order of a payment, for events that name only that.
-- +goose Up
CREATE INDEX orders_by_payment ON orders (provider, payment);
