-- An event is stored once, however often it is told.
-- +goose Up
CREATE UNIQUE INDEX payments_by_event ON payments (provider, event);
