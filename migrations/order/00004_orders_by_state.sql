-- Orders that have stayed in a state for long.
-- +goose Up
CREATE INDEX orders_by_state ON orders (state, updated_at);
