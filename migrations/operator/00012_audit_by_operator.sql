-- What one operator did, the newest first.
-- +goose Up
CREATE INDEX audit_by_operator ON audit (operator, id);
