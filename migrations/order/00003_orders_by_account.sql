-- What an account has spent since when.
-- +goose Up
CREATE INDEX orders_by_account ON orders (account, created_at);
