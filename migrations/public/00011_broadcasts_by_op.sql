-- One is sent once.
-- +goose Up
CREATE UNIQUE INDEX broadcasts_by_op ON broadcasts (op);
