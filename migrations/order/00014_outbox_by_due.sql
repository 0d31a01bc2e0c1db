-- What is to be done next.
-- +goose Up
CREATE INDEX outbox_by_due ON outbox (due_at);
