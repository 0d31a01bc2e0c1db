-- A player's name as names are compared: compatible forms and cases are one. NULL, which equals nothing, where it is not known.
-- +goose Up
ALTER TABLE players ADD COLUMN name_key VARCHAR(255);
