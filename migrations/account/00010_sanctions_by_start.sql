-- What has just come into force.
-- +goose Up
CREATE INDEX sanctions_by_start ON sanctions (starts_at);
