-- Who made a link, which ends when he is reset, disabled or may do less; empty: nobody, as of the first operator's.
-- +goose Up
ALTER TABLE operator_invitations ADD COLUMN author VARCHAR(32) NOT NULL DEFAULT '';
