-- What is to be processed.
-- +goose Up
CREATE INDEX payments_by_due ON payments (processed_at, due_at);
