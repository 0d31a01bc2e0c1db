-- When what is to be logged was, in ms, where it is written nowhere else: logins and logouts. 0 for what has a row of its own.
-- +goose Up
ALTER TABLE unlogged ADD COLUMN at BIGINT NOT NULL DEFAULT 0;
