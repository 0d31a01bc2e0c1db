-- What a client calls the device of a login.
-- +goose Up
ALTER TABLE refresh_tokens ADD COLUMN device VARCHAR(64) NOT NULL DEFAULT '';
