-- Whose login a link makes anew; empty: it makes another operator. From here on, every totp_secret is sealed with a key that is not in the database.
-- +goose Up
ALTER TABLE operator_invitations ADD COLUMN operator VARCHAR(32) NOT NULL DEFAULT '';
