-- Delivered orders that have not been compared with the ledger yet.
-- +goose Up
CREATE INDEX orders_by_check ON orders (state, checked_at);
