-- A player's orders, the newest last.
-- +goose Up
CREATE INDEX orders_by_player ON orders (player, id);
