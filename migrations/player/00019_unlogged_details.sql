-- And what is to be said of it: a JSON object, or empty as above.
-- +goose Up
ALTER TABLE unlogged ADD COLUMN details VARCHAR(255) NOT NULL DEFAULT '';
