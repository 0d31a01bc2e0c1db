-- Where a session was begun from.
-- +goose Up
ALTER TABLE operator_sessions ADD COLUMN address VARCHAR(64) NOT NULL DEFAULT '';
