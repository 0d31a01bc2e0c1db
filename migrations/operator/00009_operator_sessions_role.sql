-- The most that a token may do; empty: what its operator may.
-- +goose Up
ALTER TABLE operator_sessions ADD COLUMN role VARCHAR(16) NOT NULL DEFAULT '';
