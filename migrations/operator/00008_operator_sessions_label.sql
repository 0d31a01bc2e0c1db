-- What a token is for, which scripts bring in place of a cookie; empty: it is a browser's session.
-- +goose Up
ALTER TABLE operator_sessions ADD COLUMN label VARCHAR(64) NOT NULL DEFAULT '';
