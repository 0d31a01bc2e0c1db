-- Who that is, as a keyed digest of the number: the same for all accounts of one person. Empty: vouched for before this was noted.
-- +goose Up
ALTER TABLE persons ADD COLUMN person VARCHAR(64) NOT NULL DEFAULT '';
