-- A mail is there once.
-- +goose Up
CREATE UNIQUE INDEX mails_by_op ON mails (player, op);
